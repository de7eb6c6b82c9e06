import type { MachineAction } from '../../src/defender/entity.ts';
import type { Random } from './seed.ts';

const ODDITIES = ['type null', 'no type', 'status null', 'status a number', 'id null', 'null', 'a text'] as const;

export type Oddity = (typeof ODDITIES)[number];

export function drawOddity(random: Random, probability: number): Oddity | undefined {
  return random.chance(probability) ? random.pick(ODDITIES) : undefined;
}

/** Whether nothing in it tells whose it is. */
export function isNameless(odd: Oddity | undefined): boolean {
  return odd === 'id null' || odd === 'null' || odd === 'a text';
}

/** An entity with what makes it odd. */
export function lessOf(odd: Oddity | undefined, entity: MachineAction): unknown {
  switch (odd) {
    case 'type null':
      return { ...entity, type: null };
    case 'no type': {
      const { type: _, ...rest } = entity;
      return rest;
    }
    case 'status null':
      return { ...entity, status: null };
    case 'status a number':
      return { ...entity, status: 3 };
    case 'id null':
      return { ...entity, id: null };
    case 'null':
      return null;
    case 'a text':
      return entity.id;
    default:
      return entity;
  }
}

/** As other descriptions of the API spell it. */
export function respelt(entity: MachineAction): MachineAction {
  const { status, type } = entity;
  const upper = entity.id.charCodeAt(0) % 2 === 0;
  const spelt = status === 'Cancelled' ? 'Canceled' : status.replace(/([a-z])([A-Z])/g, '$1 $2');
  return {
    ...entity,
    status: upper ? spelt.toUpperCase() : spelt,
    type: upper ? type.toLowerCase() : type.replace(/([a-z])([A-Z])/g, '$1 $2'),
  };
}

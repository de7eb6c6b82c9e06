import { pickByShare, seededRandom, seedOf } from './seeded.ts';

/** What happens when this action is asked to be cancelled. */
type CancelBehaviour =
  /** The answer says `Cancelled`; with `completedCommand` a command of it had completed all the same. */
  | { kind: 'at-once'; completedCommand?: boolean }
  /**
   * The answer still shows the old status; the new one shows after so many ms, or after that many lookups have shown
   * the old one; with neither it never comes. `stamped: false` leaves the cancellation fields empty until then.
   */
  | {
      kind: 'later';
      becomes: string;
      afterMs?: number;
      afterLookups?: number;
      completedCommand?: boolean;
      stamped?: boolean;
    }
  /** The action ended a moment before our request: cancelled by someone else unless another status is named. 400. */
  | { kind: 'beaten'; by?: string; comment?: string; status?: string }
  /** Refused for this action alone: 403 Forbidden, 409 and the like, with a Defender error body. */
  | { kind: 'refused'; http: number; code: string; message?: string };

/** How one action behaves; everything is optional. */
export interface ActionBehaviour {
  /** @default at-once */
  onCancel?: CancelBehaviour;
  /** Until it is that old (ms since its creation) the service does not know it: 404, and lists leave it out. */
  unknownUntilAgeMs?: number;
  /** Lists leave it out, a lookup by ID finds it. */
  missingFromList?: boolean;
  /** A change nobody asked for, `afterMs` after the behaviour was set: the machine came back, or time ran out. */
  becomes?: { status: string; afterMs?: number; afterLookups?: number };
}

export interface BehaviourMix {
  /** Relative to the sum of all shares. */
  share: number;
  behaviour: ActionBehaviour;
}

/** The behaviour that this action draws from the mix: the same for the same seed and ID, whatever else there is. */
export function drawBehaviour(mix: readonly BehaviourMix[], seed: number, id: string): ActionBehaviour | undefined {
  return pickByShare(seededRandom(seedOf(seed, `behaviour ${id}`)), mix)?.behaviour;
}

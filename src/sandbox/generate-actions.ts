import {
  type actionStatuses,
  type actionTypes,
  isOver,
  type SandboxAction,
  type SandboxCommand,
  serviceTime,
} from './sandbox-action.ts';
import { pick, pickByShare, randomGuid, randomHex, seededRandom, seedOf } from './seeded.ts';

export interface GenerateOptions {
  count: number;
  /** @default 1 */
  seed?: number;
  mix?: ActionMix;
  /** Milliseconds since the epoch; actions were created before it. */
  nowMs: number;
  /** The age of the oldest action at most. @default 3 days */
  maxAgeMs?: number;
}

interface ActionMix {
  /** Shares by type; names nobody documented are allowed. @default all nine, isolations first */
  types?: Readonly<Record<string, number>>;
  /** Shares by status. @default two thirds open */
  statuses?: Readonly<Record<string, number>>;
  /** How many devices the actions are spread over. @default a third of `count` */
  machines?: number;
}

const defaultTypes: Readonly<Record<(typeof actionTypes)[number], number>> = {
  Isolate: 30,
  RunAntiVirusScan: 22,
  LiveResponse: 16,
  CollectInvestigationPackage: 12,
  StopAndQuarantineFile: 8,
  RestrictCodeExecution: 6,
  Unisolate: 2,
  UnrestrictCodeExecution: 2,
  Offboard: 2,
};

const defaultStatuses: Readonly<Record<(typeof actionStatuses)[number], number>> = {
  Pending: 52,
  InProgress: 14,
  Succeeded: 18,
  Failed: 6,
  TimeOut: 4,
  Cancelled: 6,
};

const requestors = [
  'a.lindqvist@contoso.com',
  'm.okafor@contoso.com',
  'soc.night@contoso.com',
  'j.moreau@contoso.com',
  '4af2e1ae-893f-415b-ba4e-cc3de20146e3',
  'Contoso containment playbook',
];
const places = ['desktop', 'laptop', 'srv-file', 'srv-web', 'kiosk', 'lab', 'hq-print', 'dc'];
const scripts = ['collect-triage.ps1', 'remove-persistence.ps1', 'list-autoruns.ps1'];
const reasons = [
  'Contain while incident 4711 is looked into',
  'Playbook: suspicious sign-in followed by mass download',
  'Weekly sweep, batch 12',
  'Requested by the service desk',
];

/**
 * Actions as a tenant has them. The n-th has the same ID, type and status for the same seed and mix, whatever `count`
 * is; its dates move with `nowMs`, and its device also depends on how many devices there are.
 */
export function generateActions(options: GenerateOptions): SandboxAction[] {
  const { count, seed = 1, mix = {}, nowMs, maxAgeMs = 3 * 86_400_000 } = options;
  const types = shares(mix.types ?? defaultTypes);
  const statuses = shares(mix.statuses ?? defaultStatuses);
  const machines = mix.machines ?? Math.max(1, Math.ceil(count / 3));
  const machineById = new Map<number, Machine>();
  const actions: SandboxAction[] = [];
  for (let index = 0; index < count; index += 1) {
    const random = seededRandom(seedOf(seed, index));
    const id = randomGuid(random);
    const type = pickByShare(random, types)?.name ?? 'Isolate';
    const status = pickByShare(random, statuses)?.name ?? 'Pending';
    // Squared, so that recent actions are the most, as in a tenant under attack.
    const ageMs = 60_000 + random() ** 2 * Math.max(0, maxAgeMs - 60_000);
    const number = Math.floor(random() * machines);
    const machine = machineById.get(number) ?? machineOf(seed, number);
    machineById.set(number, machine);
    actions.push(madeUp(random, { id, type, status }, machine, nowMs - ageMs));
  }
  return actions;
}

/** IDs that no generated action has. */
export function unknownIds(count: number, seed = 1): string[] {
  const random = seededRandom(seedOf(seed, 'unknown'));
  return Array.from({ length: count }, () => randomGuid(random));
}

function shares(of: Readonly<Record<string, number>>): { name: string; share: number }[] {
  return Object.entries(of).map(([name, share]) => ({ name, share }));
}

interface Machine {
  machineId: string;
  computerDnsName: string;
}

function machineOf(seed: number, number: number): Machine {
  const random = seededRandom(seedOf(seed, `machine ${number}`));
  const machineId = randomHex(random, 40);
  return { machineId, computerDnsName: `${pick(random, places)}-${randomHex(random, 7)}.contoso.com` };
}

// One literal instead of merged parts: a store of 100,000 is started in a fraction of the time.
function madeUp(
  random: () => number,
  { id, type, status }: { id: string; type: string; status: string },
  { machineId, computerDnsName }: Machine,
  createdMs: number,
): SandboxAction {
  const created = serviceTime(createdMs);
  const updatedMs = createdMs + (status === 'Pending' ? 0 : 5_000 + random() * 55_000);
  const updated = status === 'Pending' ? created : serviceTime(updatedMs);
  const cancelled = status === 'Cancelled';
  return {
    id,
    type,
    title: null,
    requestor: pick(random, requestors),
    requestorComment: pick(random, reasons),
    status,
    machineId,
    computerDnsName,
    creationDateTimeUtc: created,
    lastUpdateDateTimeUtc: updated,
    cancellationRequestor: cancelled ? pick(random, requestors) : null,
    cancellationComment: cancelled ? 'No longer needed' : null,
    cancellationDateTimeUtc: cancelled ? updated : null,
    errorHResult: status === 'Failed' ? -2_147_024_891 : 0,
    scope: scopeOf(random, type),
    externalId: null,
    requestSource: 'PublicApi',
    relatedFileInfo:
      type === 'StopAndQuarantineFile' ? { fileIdentifier: randomHex(random, 40), fileIdentifierType: 'Sha1' } : null,
    commands: type === 'LiveResponse' ? [command(pick(random, scripts), status, createdMs, updatedMs)] : [],
    troubleshootInfo: null,
  };
}

function scopeOf(random: () => number, type: string): string | null {
  if (type === 'Isolate') return pick(random, ['Full', 'Selective']);
  return type === 'RunAntiVirusScan' ? pick(random, ['Quick', 'Full']) : null;
}

const commandStatusBy: Readonly<Record<string, string>> = {
  InProgress: 'Executing',
  Succeeded: 'Completed',
  Failed: 'Failed',
  TimeOut: 'Failed',
};

function command(script: string, status: string, createdMs: number, updatedMs: number): SandboxCommand {
  const commandStatus = commandStatusBy[status] ?? 'Created';
  const over = isOver(status) && status !== 'Cancelled';
  return {
    index: 0,
    startTime: commandStatus === 'Created' ? null : serviceTime(createdMs + 2_000),
    endTime: over ? serviceTime(updatedMs) : null,
    commandStatus,
    errors: commandStatus === 'Failed' ? ['The script did not end in time'] : [],
    command: {
      type: 'RunScript',
      params: [
        { key: 'ScriptName', value: script },
        { key: 'Args', value: '-Case 4711' },
      ],
    },
  };
}

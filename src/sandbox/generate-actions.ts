import {
  type ActionSeed,
  type actionStatuses,
  type actionTypes,
  fullAction,
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

export interface ActionMix {
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
 * Actions as a tenant has them. The n-th is the same for the same seed, mix and number of machines whatever `count` is; only its dates move
 * with `nowMs`.
 */
export function generateActions(options: GenerateOptions): SandboxAction[] {
  const { count, seed = 1, mix = {}, nowMs, maxAgeMs = 3 * 86_400_000 } = options;
  const types = shares(mix.types ?? defaultTypes);
  const statuses = shares(mix.statuses ?? defaultStatuses);
  const machines = mix.machines ?? Math.max(1, Math.ceil(count / 3));
  const actions: SandboxAction[] = [];
  for (let index = 0; index < count; index += 1) {
    const random = seededRandom(seedOf(seed, index));
    const id = randomGuid(random);
    const type = pickByShare(random, types)?.name ?? 'Isolate';
    const status = pickByShare(random, statuses)?.name ?? 'Pending';
    // Squared, so that recent actions are the most, as in a tenant under attack.
    const ageMs = 60_000 + random() ** 2 * Math.max(0, maxAgeMs - 60_000);
    const machine = Math.floor(random() * machines);
    const draft: ActionSeed = { id, type, status, creationDateTimeUtc: serviceTime(nowMs - ageMs) };
    actions.push(
      fullAction({ ...draft, ...machineOf(seed, machine), ...details(random, draft, nowMs - ageMs) }, nowMs),
    );
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

function machineOf(seed: number, machine: number): Partial<SandboxAction> {
  const random = seededRandom(seedOf(seed, `machine ${machine}`));
  const machineId = randomHex(random, 40);
  return { machineId, computerDnsName: `${pick(random, places)}-${randomHex(random, 7)}.contoso.com` };
}

function details(random: () => number, { type, status }: ActionSeed, createdMs: number): Partial<SandboxAction> {
  const updatedMs = createdMs + (status === 'Pending' ? 0 : 5_000 + random() * 55_000);
  const sha1 = randomHex(random, 40);
  const result: Partial<SandboxAction> = {
    requestor: pick(random, requestors),
    requestorComment: pick(random, reasons),
    lastUpdateDateTimeUtc: serviceTime(updatedMs),
    errorHResult: status === 'Failed' ? -2_147_024_891 : 0,
    scope:
      type === 'Isolate'
        ? pick(random, ['Full', 'Selective'])
        : type === 'RunAntiVirusScan'
          ? pick(random, ['Quick', 'Full'])
          : null,
    relatedFileInfo: type === 'StopAndQuarantineFile' ? { fileIdentifier: sha1, fileIdentifierType: 'Sha1' } : null,
    commands: type === 'LiveResponse' ? [command(pick(random, scripts), status ?? '', createdMs, updatedMs)] : [],
  };
  if (status !== 'Cancelled') return result;
  return {
    ...result,
    cancellationRequestor: pick(random, requestors),
    cancellationComment: 'No longer needed',
    cancellationDateTimeUtc: serviceTime(updatedMs),
  };
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

import type { MachineAction, MachineActionCommand } from '../defender/entity.ts';

/** A machine action with every field the service sends, undocumented ones included. */
export interface SandboxAction extends MachineAction {
  title: string | null;
  scope: string | null;
  requestor: string | null;
  requestorComment: string | null;
  machineId: string | null;
  computerDnsName: string | null;
  creationDateTimeUtc: string;
  lastUpdateDateTimeUtc: string;
  cancellationRequestor: string | null;
  cancellationComment: string | null;
  cancellationDateTimeUtc: string | null;
  errorHResult: number;
  externalId: string | null;
  requestSource: string | null;
  relatedFileInfo: { fileIdentifier: string; fileIdentifierType: string } | null;
  commands: SandboxCommand[];
  troubleshootInfo: string | null;
}

export interface SandboxCommand extends MachineActionCommand {
  index: number;
  startTime: string | null;
  endTime: string | null;
  commandStatus: string;
  errors: string[];
  command: { type: string; params: { key: string; value: string }[] };
}

/** What a test names of an action; the rest is filled in. */
export type ActionSeed = Partial<SandboxAction> & { id: string };

export const actionTypes = [
  'RunAntiVirusScan',
  'Offboard',
  'LiveResponse',
  'CollectInvestigationPackage',
  'Isolate',
  'Unisolate',
  'StopAndQuarantineFile',
  'RestrictCodeExecution',
  'UnrestrictCodeExecution',
] as const;

export const actionStatuses = ['Pending', 'InProgress', 'Succeeded', 'Failed', 'TimeOut', 'Cancelled'] as const;

const finalStatuses = new Set(['Succeeded', 'Failed', 'TimeOut', 'Cancelled']);

/** Whether the service would refuse to cancel an action of this status. Statuses nobody documented are open. */
export function isOver(status: string): boolean {
  return finalStatuses.has(status);
}

/**
 * A moment as the service writes it: UTC, seven digits of a second, trailing zeros left out.
 * The four digits below a millisecond are made up from the moment itself, so that equal input gives equal text.
 */
export function serviceTime(ms: number): string {
  const whole = Math.floor(ms);
  const below = String((whole * 7919) % 10_000).padStart(4, '0');
  const text = new Date(whole).toISOString().slice(0, -1) + below;
  return `${text.endsWith('0') ? text.replace(/\.?0+$/, '') : text}Z`;
}

/** Milliseconds since the epoch with the fraction below a millisecond kept; NaN when it is not a date. */
export function parseServiceTime(text: string): number {
  const below = /\.\d{3}(\d{1,4})/.exec(text)?.[1];
  return Date.parse(text) + (below === undefined ? 0 : Number(`0.${below}`));
}

/** A full entity from the fields a caller names; everything else is what a fresh isolation would have. */
export function fullAction(seed: ActionSeed, nowMs: number): SandboxAction {
  const created = seed.creationDateTimeUtc ?? serviceTime(nowMs - 3_600_000);
  return {
    type: 'Isolate',
    title: null,
    requestor: 'analyst@contoso.com',
    requestorComment: 'Isolate while the alert is looked into',
    status: 'Pending',
    machineId: '1e5bc9d7e413ddd7902c2932e418702b84d0cc07',
    computerDnsName: 'desktop-39g9tgl',
    lastUpdateDateTimeUtc: created,
    cancellationRequestor: null,
    cancellationComment: null,
    cancellationDateTimeUtc: null,
    errorHResult: 0,
    scope: null,
    externalId: null,
    requestSource: 'PublicApi',
    relatedFileInfo: null,
    commands: [],
    troubleshootInfo: null,
    ...seed,
    creationDateTimeUtc: created,
    id: seed.id.toLowerCase(),
  };
}

interface Fault {
  /** What it does to a world, as a sentence. */
  readonly does: string;
  /** The stream of numbers it is drawn from, where that has another name: a renamed fault must not change what old seeds do. */
  readonly stream?: string;
  /** It came after these seeds failed for the first time: known seeds run without it, as they did then. `fleet`: with the workers. */
  readonly late?: true | 'fleet';
}

const LATE = { late: true } as const;
const FLEET = { late: 'fleet' } as const;

/** Everything that can go wrong in a world, and be taken out of it while a failure is narrowed down (`--without a,b`). */
export const FAULTS = {
  latency: { does: 'answers take up to a minute' },
  resets: { does: 'connections break before or after the request was served' },
  'lost-answers': { does: 'answers never come, or requests arrive long after they were given up' },
  'spoiled-bodies': { does: "bodies are cut, or a proxy's page stands in for the answer" },
  statuses: { does: 'Defender answers 5xx (and may have done it all the same), or with statuses that nobody expects' },
  outages: { does: 'nobody reaches Defender for a while' },
  'other-client': { does: 'somebody else spends the same quota' },
  tokens: { does: 'tokens live shortly, are revoked, or are refused though they are good' },
  authority: { does: 'nobody can sign in for a while' },
  permissions: { does: 'permissions are missing, lost and given back' },
  'disk-writes': { does: 'writes are short, fail, or find the disk full' },
  'disk-syncs': { does: 'syncs fail' },
  'disk-locks': { does: 'locks cannot be read or written' },
  'slow-disk': { does: 'operations of the disk take up to a minute' },
  kills: { does: 'a process is killed at any of its events' },
  'power-loss': { does: 'the machine loses its power, and what was not synced' },
  signals: { does: 'a process is asked to end, once or twice' },
  freezes: { does: 'a process stands still, or its machine sleeps' },
  'wall-clock': { does: 'our wall clock is set wrong by up to four hours, in a session or between two' },
  'competing-process': { does: 'another process starts on the same ledger or on its neighbour', stream: 'rivals' },
  'second-ledger': { does: 'a run of another ledger comes between two sessions', stream: 'turns' },
  retries: { does: 'the operator asks for another try of what failed' },
  'source-changes': { does: 'the source has other IDs when it is read again' },
  guards: { does: 'guards on type and age' },
  limits: { does: 'limits on failures, time and number of actions' },
  'young-actions': { does: 'actions are too young for Defender to know them' },
  'natural-ends': { does: 'actions end by themselves' },
  'odd-lists': { does: 'lists hold fewer IDs than they are asked for, or forget some' },
  gaps: { does: 'time passes between sessions' },
  'lying-clocks': {
    does: "at every session one clock lies: ours by hours or by decades, or the server's, which may also be missing",
    ...LATE,
  },
  'file-times': { does: "ledgers' modification times are wrong", ...LATE },
  'swapped-ledger': {
    does: 'the ledger is replaced, copied back, cut or removed by hand, under a run or between two',
    ...LATE,
  },
  'second-path': { does: 'the ledger has a second hard link, through which another process works on it', ...LATE },
  'reviewed-head': { does: 'a plan is reviewed and started by its head, and somebody changes it meanwhile', ...LATE },
  'forged-ledger': {
    does: 'somebody leaves a ledger whose chain is right and whose content is not to be trusted',
    ...LATE,
  },
  'bare-answers': { does: 'refusals come without a body or with a foreign one', ...LATE },
  encodings: { does: 'bodies are compressed though nobody asked for that', ...LATE },
  'odd-entities': { does: 'lists and lookups hold entities without type, status or ID', ...LATE },
  'odd-pages': { does: 'links to the next page repeat, are empty, or are missing', ...LATE },
  spellings: { does: 'types and statuses are spelt in other ways than documented', ...LATE },
  'earlier-ledgers': {
    does: 'earlier ledgers of the job lie in the folder, and a job is begun without naming its ledger',
    ...LATE,
  },
  orders: {
    does: 'actions are called in another order than the source has, by devices that may not be listed or by priorities',
    ...LATE,
  },
  'retry-after': { does: 'Retry-After has a fraction, and no message tells the seconds', ...LATE },
  fleet: { does: 'nobody sits there: workers take the runs from a queue, end and begin again', ...FLEET },
  'queue-lies': { does: 'the queue hands runs out twice, late, again once they are done, or never', ...FLEET },
  'deadly-runs': { does: 'whoever begins with a run is killed soon, several times', ...FLEET },
} as const satisfies Record<string, Fault>;

export type FaultName = keyof typeof FAULTS;

export const FAULT_NAMES = Object.keys(FAULTS) as readonly FaultName[];

/** What no world had when the first seeds failed. */
export const LATE_FAULTS: readonly FaultName[] = FAULT_NAMES.filter((name) => 'late' in FAULTS[name]);

/** What no world had before there were workers. */
export const FLEET_FAULTS: readonly FaultName[] = FAULT_NAMES.filter(
  (name) => (FAULTS[name] as Fault).late === 'fleet',
);

export function streamOf(name: FaultName): string {
  const fault: Fault = FAULTS[name];
  return fault.stream ?? name;
}

export function isFaultName(text: string): text is FaultName {
  return Object.hasOwn(FAULTS, text);
}

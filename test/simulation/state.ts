import type { LedgerRecord } from '../../src/ledger/record.ts';
import { parseHolder } from '../../src/store/folder/holder.ts';
import { CallHistory } from './call-history.ts';
import { BEGINNING, type VirtualTime } from './clock.ts';
import { SimDefender } from './defender.ts';
import { type Inode, SimDisk } from './disk.ts';
import type { Facts, Worker } from './facts.ts';
import { type Emit, makeEmit } from './invariants.ts';
import { jobOf } from './job.ts';
import { LedgerFiles } from './ledger-files.ts';
import type { LedgerWatch } from './ledger-watch.ts';
import type { Outages } from './play-faults.ts';
import type { SimProcess } from './process.ts';
import { ProcessTable } from './process-table.ts';
import type { Scenario } from './scenario.ts';
import { Random } from './seed.ts';
import { SimAuthority } from './sign-in.ts';
import { Trace } from './trace.ts';
import type { Sent } from './transport.ts';
import type { Truth } from './truth.ts';
import { WorldClocks } from './world-clocks.ts';

export const LEDGER = '/ledgers/simulated-20260301T000000Z.jsonl';
export const SECOND_LEDGER = '/ledgers/b.jsonl';
/** The same file as LEDGER, where it has a second hard link. */
export const SECOND_PATH = '/other/a.jsonl';
export const NO_OUTAGES: Outages = { outage: undefined, authorityAway: false, mayCancel: true };
/** No session of these sizes lasts as long; one that does only renews its locks. */
export const LONGEST_SESSION_MS = 36 * 3_600_000;
const LOCK_GOOD_MS = 60_000;
/** Since its last renewal, and what its holder leaves of its life. */
const LOCK_DOUBT_MS = 20_000;

export interface Host {
  readonly name: string;
  readonly boot: number;
}

/** All that there is in a world, and what is known of it: no rule of what happens when. */
export class WorldState implements Facts {
  readonly scenario: Scenario;
  readonly time: VirtualTime;
  readonly trace: Trace;
  readonly processes: ProcessTable;
  readonly files: LedgerFiles;
  readonly random: Random;
  readonly disk: SimDisk;
  readonly defender: SimDefender;
  readonly authority: SimAuthority;
  readonly clocks: WorldClocks;
  readonly history = new CallHistory();
  readonly emit: Emit;
  readonly outages: Outages = { ...NO_OUTAGES };
  /** The session of a process; of a worker that hosts many, the one that began last. */
  readonly workers = new Map<SimProcess, Worker>();
  /** The sessions that a worker hosts. */
  readonly hosted = new Map<SimProcess, readonly Worker[]>();
  /** What plans admitted when they were reviewed, by their heads. */
  readonly reviewed = new Map<string, ReadonlySet<string>>();
  /** What was written beside the ledgers, by path. */
  readonly outputs = new Map<string, string>();
  /** Earlier ledgers of the folder, and whether the job may remove them. */
  readonly earlier = new Map<string, 'may go' | 'stays'>();
  /** How a process is asked to end. */
  readonly signals = new Map<SimProcess, () => void>();
  /** Lines of all logs. */
  readonly logs: string[] = [];
  host: Host = { name: 'host-1', boot: 1 };
  /** What the source names, and its text. */
  ids: string[] = [];
  source = '';
  isCalm = false;
  sessions = 0;
  calls = 0;
  failure: { invariant: string; detail: string } | undefined;
  /** Who opened a ledger to send, in that order: each follows the one before it as the one sender. */
  readonly #openers: SimProcess[] = [];
  /** How many had done so before the last session of a ledger began. */
  readonly #openersBefore = new Map<Inode, number>();
  /** Who began the last session of a ledger. */
  readonly #writers = new Map<Inode, SimProcess>();
  readonly #retries = new Map<string, ReadonlySet<string>>();
  readonly #slow = new WeakSet<Sent>();
  readonly #uuids: Random;

  constructor(scenario: Scenario, time: VirtualTime, wholeTrace: boolean) {
    this.scenario = scenario;
    this.time = time;
    this.random = new Random(`seed ${scenario.seed}`).fork('world');
    this.#uuids = this.random.fork('uuids');
    this.trace = new Trace(wholeTrace, () => time.now());
    this.processes = new ProcessTable(this.trace);
    this.clocks = new WorldClocks(scenario.honestClock);
    this.disk = new SimDisk({
      random: this.random.fork('disk'),
      nowMs: () => Date.now() + (scenario.fsClock === 'wall' ? this.clocks.offsetMs : 0),
      observer: {
        written: (inode, by) => this.files.written(inode, by),
        synced: (inode) => this.files.synced(inode),
        truncated: (inode) => this.files.truncated(inode),
        removing: (path, inode, by) => this.#removing(path, inode, by),
      },
    });
    this.authority = new SimAuthority({
      random: this.random.fork('authority'),
      now: () => time.now(),
      lifeMs: scenario.tokenLifeMs,
      reads: scenario.reads,
      isAway: () => this.outages.authorityAway,
      mayCancel: () => this.outages.mayCancel,
    });
    this.defender = new SimDefender(scenario, () => time.now(), {
      accepts: (token) => this.authority.accepts(token),
      mayCancel: () => this.outages.mayCancel,
      mayRead: () => scenario.reads,
      isCalm: () => this.isCalm,
    });
    this.emit = makeEmit(this, (invariant, detail) => this.violate(invariant, detail));
    this.files = new LedgerFiles({
      disk: () => this.disk,
      emit: this.emit,
      history: this.history,
      workers: this.workers,
      everyWorker: () => this.#everyWorker(),
      now: this.now,
      onRecord: (...written) => this.#recorded(...written),
    });
  }

  violate(invariant: string, detail: string): void {
    if (this.failure !== undefined) return;
    this.failure = { invariant, detail };
    this.trace.add(`VIOLATION ${invariant}: ${detail}`);
  }

  readonly now = (): number => this.time.now();

  uuid(): string {
    return this.#uuids.uuid();
  }

  get clockWasRight(): boolean {
    const { without, sessions, honestClock } = this.scenario;
    const wasSet = !without.has('wall-clock') && sessions.some((each) => each.wallJump || each.jumpBetweenMs);
    return !wasSet && honestClock === 'both';
  }

  losePower(): void {
    this.trace.add('the power goes');
    this.processes.cutPower();
    this.disk.losePower();
    this.host = { ...this.host, boot: this.host.boot + 1 };
  }

  jumpWallClock(byMs: number): void {
    this.clocks.jump(byMs);
    for (const worker of this.#everyWorker()) {
      if (!worker.process.exists) continue;
      if (Math.abs(byMs) > LOCK_GOOD_MS) worker.clockJumped = true;
      // To the process it looks as if its machine had slept for so long.
      else if (byMs > LOCK_GOOD_MS - LOCK_DOUBT_MS) worker.disturbed = true;
    }
    this.trace.add(`the wall clock jumps by ${byMs} ms to ${this.clocks.offsetMs} ms`);
  }

  /** What this process does from now on may follow from something else than its clock or its ledger. */
  disturb(process: SimProcess): void {
    for (const worker of [this.workers.get(process), ...(this.hosted.get(process) ?? [])]) {
      if (worker !== undefined) worker.disturbed = true;
    }
  }

  #everyWorker(): Set<Worker> {
    return new Set([...this.workers.values(), ...[...this.hosted.values()].flat()]);
  }

  isOdd(id: string): boolean {
    return this.defender.truth.get(id)?.odd !== undefined;
  }

  readonly lastOpener = (): SimProcess | undefined => this.#openers.at(-1);

  /** Outcomes that the session with that number was told to try again. */
  retriedIn(run: string, session: number): ReadonlySet<string> {
    return this.#retries.get(`${run} ${session}`) ?? new Set();
  }

  readonly isExcluded = (truth: Truth): boolean => {
    const { guards } = jobOf(this.scenario, LEDGER);
    if (guards.onlyType.length > 0 && !guards.onlyType.includes(truth.type)) return true;
    return guards.createdAfter !== undefined && BEGINNING + truth.createdMs < Date.parse(guards.createdAfter);
  };

  noteSlowClock(sent: Sent): void {
    if (this.clocks.offsetMs < -2000) this.#slow.add(sent);
  }

  readonly clockWasSlow = (sent: Sent): boolean => this.#slow.has(sent) && sent.told !== 'answer';

  readonly isThere = (inode: Inode): boolean => this.files.isThere(inode);

  #recorded(record: LedgerRecord, by: SimProcess, watch: LedgerWatch, inode: Inode): void {
    const worker = this.#sessionOf(record, by, inode);
    if (worker === undefined) return;
    const opener = this.#writers.get(inode);
    if (record.kind === 'open') this.#writers.set(inode, by);
    else if (opener !== undefined && opener !== by) this.emit('behind', { by: by.name, opener: opener.name });
    if (record.kind === 'intake' && this.scenario.source !== 'query') worker.named = new Set(this.ids);
    if (record.kind === 'open') {
      worker.inode = inode;
      if (inode !== this.files.at(worker.path)) this.emit('elsewhere', { worker, inode });
      // A copy that is kept of a ledger without a name begins no session.
      this.#openersBefore.set(inode, this.#openers.length);
      if (!this.#isKept(inode) && !this.#sendsNothing(worker)) this.#openers.push(worker.process);
      const key = `${record.run} ${record.session}`;
      this.#retries.set(key, new Set([...(this.#retries.get(key) ?? []), ...worker.retry]));
    }
    this.emit('record', { record, worker, watch });
  }

  /** Of a process that hosts many, the one that the ledger is of. Calls are those of the last that began and may send. */
  #sessionOf(record: LedgerRecord, by: SimProcess, inode: Inode): Worker | undefined {
    const hosted = this.hosted.get(by);
    if (hosted === undefined || record.kind !== 'open') {
      const holder = hosted?.find((each) => each.inode === inode);
      return (record.kind === 'start' ? this.#starterOf(holder) : holder) ?? this.workers.get(by);
    }
    const begun = hosted.find((each) => each.inode === undefined && this.files.at(each.path) === inode);
    if (begun === undefined) return this.workers.get(by);
    if (!this.#sendsNothing(begun)) this.#sendsFor(begun);
    return begun;
  }

  /**
   * Nothing in a session's first record tells whether it is of the place that has the plan or of the one that has the run, where both have it: one of
   * them waits. A plan starts nothing.
   */
  #starterOf(holder: Worker | undefined): Worker | undefined {
    if (holder?.kind !== 'plan') return holder;
    const waiting = this.hosted.get(holder.process)?.find(({ kind, path, inode }) => {
      return kind === 'resume' && path === holder.path && inode === undefined;
    });
    if (waiting === undefined) return holder;
    const { inode, named, swappedAtMs, clockJumped, disturbed } = holder;
    Object.assign(waiting, { inode, named, swappedAtMs });
    waiting.clockJumped ||= clockJumped;
    waiting.disturbed ||= disturbed;
    Object.assign(holder, { inode: undefined, named: undefined, swappedAtMs: undefined });
    // Where a plan may send too, all that counts from a session's beginning is counted.
    if (this.#sendsNothing(holder)) {
      this.#sendsFor(waiting);
      this.#openers.splice(this.#openersBefore.get(inode as Inode) ?? 0, 0, waiting.process);
    } else this.workers.set(waiting.process, waiting);
    return waiting;
  }

  /** What the process sends from now on is of this session. */
  #sendsFor(session: Worker): void {
    this.workers.set(session.process, session);
    this.history.begins(session.process);
  }

  /** A plan of given IDs that looks nothing up may be made beside whoever sends, and what is submitted is only written down. */
  #sendsNothing({ kind, path }: Worker): boolean {
    if (kind === 'submit' || kind === 'submit-plan') return true;
    return kind === 'plan' && jobOf(this.scenario, path).screen === 'never' && this.scenario.source !== 'query';
  }

  #isKept(inode: Inode): boolean {
    return [...this.disk.entries].some(([path, each]) => each === inode && path.includes('.kept-'));
  }

  #removing(path: string, inode: Inode, by: SimProcess): void {
    if (path.endsWith('.jsonl') && this.earlier.get(path) !== 'may go') this.emit('removed', { by: by.name, path });
    if (!path.endsWith('.lock') || !this.clockWasRight) return;
    const holder = parseHolder(inode.data.toString('utf8', 0, inode.length));
    const of = holder && this.processes.get(holder.pid);
    const ageMs = Date.now() - inode.modifiedMs;
    if (of === undefined || of === by || !of.exists || ageMs >= LOCK_GOOD_MS) return;
    this.emit('unlocked', { by: by.name, path, holder: of.name, ageMs });
  }

  /** Lets time pass until the work is done. The work's error is thrown. */
  async until<T>(work: Promise<T>, orElse: () => boolean = () => false): Promise<T | undefined> {
    let done: { value: T } | { error: unknown } | undefined;
    work.then(
      (value) => {
        done = { value };
      },
      (error: unknown) => {
        done = { error };
      },
    );
    const isOver = () => done !== undefined || orElse() || this.failure !== undefined;
    const held = await this.time.runUntil(isOver, LONGEST_SESSION_MS);
    if (!held) this.emit('stall', 'the session does not come to an end, whatever happens');
    if (done === undefined) return undefined;
    if ('error' in done) throw done.error;
    return done.value;
  }
}

import { createHash } from 'node:crypto';
import { pino } from 'pino';
import { CountermandError, stoppedBy } from '../../src/errors.ts';
import { type Processes, parseHolder } from '../../src/ledger/holder.ts';
import { BEGINNING, processClock, VirtualTime } from './clock.ts';
import { SimDefender, type Truth } from './defender.ts';
import { type Inode, NO_TROUBLE, SimDisk } from './disk.ts';
import { Checks, checkEnd, openActions, Violation, type Worker } from './invariants.ts';
import { jobOf, sourceText, unlimited } from './job.ts';
import { LedgerWatch } from './ledger-watch.ts';
import { playFaults, type Troubles } from './play-faults.ts';
import { SimProcess } from './process.ts';
import { type Command, command, type Machine } from './program.ts';
import { drawScenario, type FaultName, type Scenario, type SessionFaults } from './scenario.ts';
import { Random } from './seed.ts';
import { SimAuthority } from './sign-in.ts';
import { Trace } from './trace.ts';
import { type Sent, simTransport } from './transport.ts';

export interface SeedOptions {
  seed: number;
  without?: ReadonlySet<FaultName>;
  /** At most so many actions. */
  actions?: number;
  /** Keep the whole trace, not only its end. */
  trace?: boolean;
}

export interface SeedResult {
  seed: number;
  failure: { invariant: string; detail: string } | undefined;
  digest: string;
  lines: readonly string[];
  sessions: number;
  calls: number;
  virtualMs: number;
}

interface Host {
  name: string;
  boot: number;
}

const NO_TROUBLES: Troubles = { outage: undefined, authorityAway: false, mayCancel: true };
const PATH = '/ledgers/a.jsonl';
const OTHER_PATH = '/ledgers/b.jsonl';
const LOCK_GOOD_MS = 60_000;
const SETTLE_SESSIONS = 24;
/** No session of these sizes lasts as long; one that does only renews its locks. */
const LONGEST_SESSION_MS = 36 * 3_600_000;

/** One world from its beginning to its end. */
export async function runSeed({ seed, without, actions, trace = false }: SeedOptions): Promise<SeedResult> {
  const time = new VirtualTime();
  const world = new World(drawScenario(seed, without, actions), time, trace);
  try {
    await world.run();
  } catch (error) {
    if (error instanceof Violation) world.violate(error.invariant, error.message);
    else world.violate('world', error instanceof Error ? (error.stack ?? error.message) : String(error));
  }
  const result = world.result();
  await time.uninstall();
  return result;
}

/** The world that runs now, for whoever hears of an error that nobody caught. */
let current: World | undefined;

export function unhandled(error: unknown): void {
  current?.violate('bug', `nobody caught ${error instanceof Error ? error.stack : String(error)}`);
}

export function seededUuid(): string {
  return current?.uuid() ?? '00000000-0000-4000-8000-000000000000';
}

class World {
  readonly #scenario: Scenario;
  readonly #time: VirtualTime;
  readonly #trace: Trace;
  readonly #random: Random;
  readonly #uuids: Random;
  readonly #disk: SimDisk;
  readonly #defender: SimDefender;
  readonly #authority: SimAuthority;
  readonly #checks: Checks;
  readonly #watches = new Map<number, LedgerWatch>();
  readonly #processes = new Map<number, SimProcess>();
  readonly #workers = new Map<SimProcess, Worker>();
  /** Who opened a ledger, in that order: each follows the one before it as the one sender. */
  readonly #openers: SimProcess[] = [];
  readonly #sessionsOf = new Map<string, ReadonlySet<string>>();
  readonly #logs: string[] = [];
  readonly #slow = new WeakSet<Sent>();
  #host: Host = { name: 'host-1', boot: 1 };
  #pids = 0;
  #ids: string[] = [];
  #source = '';
  #offsetMs = 0;
  #calm = false;
  readonly #troubles: Troubles = { ...NO_TROUBLES };
  #sessions = 0;
  #calls = 0;
  #failure: { invariant: string; detail: string } | undefined;

  constructor(scenario: Scenario, time: VirtualTime, wholeTrace: boolean) {
    current = this;
    this.#scenario = scenario;
    this.#time = time;
    this.#random = new Random(`seed ${scenario.seed}`).fork('world');
    this.#uuids = this.#random.fork('uuids');
    this.#trace = new Trace(wholeTrace, () => time.now());
    const now = () => time.now();
    this.#disk = new SimDisk({
      random: this.#random.fork('disk'),
      nowMs: () => Date.now() + (scenario.fsClock === 'wall' ? this.#offsetMs : 0),
      observer: {
        written: (inode, by) => this.#watchOf(inode).onWritten(inode, by),
        synced: (inode) => this.#watchOf(inode).onSynced(inode),
        truncated: (inode) => this.#watchOf(inode).onTruncated(inode),
        removing: (path, inode, by) => this.#checkRemoval(path, inode, by),
      },
    });
    this.#authority = new SimAuthority({
      random: this.#random.fork('authority'),
      now,
      lifeMs: scenario.tokenLifeMs,
      reads: scenario.reads,
      isAway: () => this.#troubles.authorityAway,
      mayCancel: () => this.#troubles.mayCancel,
    });
    this.#defender = new SimDefender(scenario, now, {
      accepts: (token) => this.#authority.accepts(token),
      mayCancel: () => this.#troubles.mayCancel,
      mayRead: () => scenario.reads,
    });
    this.#checks = new Checks({
      scenario,
      defender: this.#defender,
      now,
      violate: (invariant, detail) => this.violate(invariant, detail),
      workerOf: (process) => this.#workers.get(process),
      lastOpener: () => this.#openers.at(-1),
      isExcluded: (truth) => this.#isExcluded(truth),
      clockWasSlow: (sent) => this.#slow.has(sent) && sent.told !== 'answer',
    });
  }

  violate(invariant: string, detail: string): void {
    if (this.#failure !== undefined) return;
    this.#failure = { invariant, detail };
    this.#trace.add(`VIOLATION ${invariant}: ${detail}`);
  }

  uuid(): string {
    return this.#uuids.uuid();
  }

  result(): SeedResult {
    return {
      seed: this.#scenario.seed,
      failure: this.#failure,
      digest: this.#trace.digest,
      lines: this.#trace.lines,
      sessions: this.#sessions,
      calls: this.#calls,
      virtualMs: this.#time.now(),
    };
  }

  async run(): Promise<void> {
    const { scenario, random } = { scenario: this.#scenario, random: this.#random.fork('ids') };
    for (let index = 1; index <= scenario.actions; index++) {
      const id = random.uuid();
      this.#ids.push(id);
      this.#defender.add(id, { known: scenario.source === 'query' || !random.chance(0.05), index });
    }
    this.#source = sourceText(this.#ids, random.fork('text'));
    this.#playOtherClient();
    for (const faults of scenario.sessions) {
      await this.#session(faults);
      if (this.#failure !== undefined) return;
    }
    await this.#settle();
    if (this.#failure !== undefined) return;
    if (this.#defender.refusedAlone > 0 && this.#clockWasRight()) {
      this.violate('quota', `${this.#defender.refusedAlone} calls were refused, and nobody else used the application`);
      return;
    }
    await this.#end();
  }

  #clockWasRight(): boolean {
    return (
      this.#scenario.without.has('wall-clock') || this.#scenario.sessions.every((s) => !s.wallJump && !s.jumpBetweenMs)
    );
  }

  /** The ledger that was gone on with until nothing was left, and its neighbour as its last session left it. */
  async #end(): Promise<void> {
    for (const path of [PATH, OTHER_PATH]) {
      const inode = this.#disk.entries.get(path);
      const watch = this.#watchAt(path);
      if (inode === undefined || watch === undefined || watch.written.length === 0) continue;
      const reader = this.#process('reader', undefined);
      await this.#until(
        checkEnd({
          scenario: this.#scenario,
          defender: this.#defender,
          disk: this.#disk.of(reader, () => NO_TROUBLE),
          path,
          watch,
          nowMs: Date.now(),
          retriedIn: (session) => this.#sessionsOf.get(`${inode.number} ${session}`) ?? new Set(),
          settled: path === PATH,
          secrets: this.#authority.issued.keys(),
          logs: this.#logs,
          isExcluded: (truth) => this.#isExcluded(truth),
          clockWasWrong: !this.#clockWasRight(),
        }),
      );
    }
  }

  /** A session with its faults, and the time until the next. */
  async #session(faults: SessionFaults): Promise<void> {
    const random = this.#random.fork(`session ${this.#sessions}`);
    if (faults.sourceChange) this.#changeSource(random.fork('source'));
    if (faults.movesHost) this.#host = { name: `host-${this.#sessions + 2}`, boot: 1 };
    const process = this.#process('main', faults.killAfter);
    const kind = this.#kindOf(random, faults);
    const done = this.#start(process, kind, faults, { missing: random.pick(['withdraw', 'keep'] as const) });
    this.#playFaults(faults, process, random);
    await this.#until(
      done.then(() => undefined),
      () => process.isDead,
    );
    Object.assign(this.#troubles, NO_TROUBLES);
    if (faults.turn !== undefined && this.#failure === undefined) await this.#turn(faults.turn.killAfter);
    await this.#time.pass(faults.gapMs);
    if (faults.jumpBetweenMs !== 0) this.#jump(faults.jumpBetweenMs);
  }

  /** Another job's run has its turn, as the same application and out of the same folder: its calls count too. */
  async #turn(killAfter: number | undefined): Promise<void> {
    const process = this.#process('turn', killAfter);
    const isThere = this.#watchAt(OTHER_PATH)?.hasIntake === true;
    const done = this.#start(process, isThere ? 'resume' : 'run', {}, { missing: 'keep', path: OTHER_PATH });
    await this.#until(
      done.then(() => undefined),
      () => process.isDead,
    );
  }

  /** No more faults: sessions until nothing is left, each within its time. */
  async #settle(): Promise<void> {
    this.#calm = true;
    this.#trace.add('calm');
    const isOver = () => this.#failure !== undefined || !this.#someoneLives();
    if (!(await this.#time.runUntil(isOver, LONGEST_SESSION_MS))) {
      this.violate('stall', 'a session does not come to an end');
    }
    let waitMs = 90_000;
    let wasFinished = false;
    let refused = false;
    for (let n = 0; n < SETTLE_SESSIONS && this.#failure === undefined; n++) {
      await this.#time.pass(waitMs);
      const process = this.#process('calm', undefined);
      const watch = this.#watchAt(PATH);
      const isThere =
        watch?.hasIntake === true || (watch !== undefined && watch.run !== '' && this.#scenario.source === 'query');
      const left = watch === undefined ? [] : openActions(watch);
      // A finished run is done with again by looking, and where that tells nothing, by trying once more.
      const looks = wasFinished && left.length > 0 && this.#scenario.reads;
      const retry = looks && n % 2 === 1 ? ['unknown', 'unconfirmed'] : [];
      const begunMs = this.#time.now();
      const callsBefore = this.#calls;
      const kind: Command['kind'] = !isThere || refused ? 'run' : looks && n % 2 === 0 ? 'verify' : 'resume';
      const code: number | undefined = await this.#until(
        this.#start(process, kind, { retry }, { missing: 'withdraw', calm: true }),
      );
      if (this.#failure !== undefined) return;
      this.#checkDuration(begunMs, this.#calls - callsBefore);
      // Half a list is refused: it is to be given anew.
      refused = code === 2;
      if (code === 11) waitMs = Math.min(waitMs * 2, 6 * 3_600_000);
      else if (code === 0 || code === 3) {
        wasFinished = true;
        if (this.#isSettled()) return;
        waitMs = 700_000;
      } else if (code === 4 && !this.#scenario.reads) return;
      else waitMs = 90_000;
    }
    const watch = this.#watchAt(PATH);
    this.violate(
      'settled',
      `${watch === undefined ? 'all' : openActions(watch).length} actions are left after ${SETTLE_SESSIONS} calm sessions`,
    );
  }

  #isSettled(): boolean {
    const watch = this.#watchAt(PATH);
    if (watch === undefined) return false;
    if (!this.#scenario.reads) return [...watch.admitted].every((id) => watch.outcomes.has(id));
    return openActions(watch).length === 0;
  }

  #checkDuration(begunMs: number, calls: number): void {
    const { windows, share, confirmForMs, actions } = this.#scenario;
    const optimumMs = Math.max(
      ...windows.map((window) => {
        const cap = Math.max(1, Math.floor(window.calls * share));
        return (Math.floor(calls / cap) + 2) * (window.perMs + 1000);
      }),
    );
    const tookMs = this.#time.now() - begunMs;
    const slackMs = 10 * 60_000;
    if (tookMs > optimumMs + confirmForMs + slackMs) {
      this.violate(
        'termination',
        `a calm session took ${tookMs} ms for ${calls} calls, the optimum is ${optimumMs} ms`,
      );
    }
    if (calls > 4 * (actions + 20) + 60)
      this.violate('termination', `a calm session made ${calls} calls for ${actions} actions`);
  }

  #kindOf(random: Random, faults: SessionFaults): Command['kind'] {
    const watch = this.#watchAt(PATH);
    const { source, plansFirst } = this.#scenario;
    if (watch === undefined || watch.run === '') return plansFirst && this.#sessions === 0 ? 'plan' : 'run';
    if (source === 'query') return 'resume';
    if (faults.retry.length > 0) return 'resume';
    if (faults.sourceChange || !watch.hasIntake) return random.chance(0.8) ? 'run' : 'resume';
    return random.chance(0.08) ? 'verify' : random.chance(0.7) ? 'resume' : 'run';
  }

  /** Resolves to the exit code; never for a process that is killed. */
  async #start(
    process: SimProcess,
    kind: Command['kind'],
    faults: Partial<SessionFaults>,
    { missing, calm = false, path = PATH }: { missing: Command['missing']; calm?: boolean; path?: string },
  ): Promise<number> {
    this.#sessions++;
    const retry = new Set(kind === 'resume' ? faults.retry : []);
    const watch = () => this.#watchAt(path);
    this.#workers.set(process, {
      process,
      watch,
      retry,
      limited: !calm,
      withdraws: missing === 'withdraw',
      named: undefined,
    });
    const random = this.#random.fork(process.name);
    const clock = processClock(process, () => this.#offsetMs);
    const trouble = () => (this.#calm ? NO_TROUBLE : (faults.disk ?? NO_TROUBLE));
    const log = pino(
      { level: this.#scenario.logLevel, base: null },
      { write: (line: string) => void this.#logs.push(line) },
    );
    const host = this.#host;
    const machine: Machine = {
      disk: this.#disk.of(process, trouble),
      clock,
      random: () => random.next(),
      processes: this.#processesOf(process, host),
      log,
      transport: simTransport(process, {
        scenario: this.#scenario,
        random: random.fork('wire'),
        defender: this.#defender,
        now: () => this.#time.now(),
        serverDate: () => new Date(Date.now()).toUTCString(),
        outage: () => this.#troubles.outage,
        calm: () => this.#calm,
        onSend: (sent) => {
          this.#calls++;
          if (this.#offsetMs < -2000) this.#slow.add(sent);
          this.#trace.add(`${process.name} sends ${aboutSent(sent)}`);
          this.#checks.onSend(sent);
        },
        onCount: (sent) => {
          this.#trace.add(`counted ${aboutSent(sent)}`);
          this.#checks.onCount(sent);
        },
        onTold: (sent, told) => {
          const text = 'raw' in told ? `HTTP ${told.raw.http} ${told.raw.body.length}` : told.error;
          this.#trace.add(`${process.name} is told ${text} of ${aboutSent(sent)}`);
        },
      }),
      credential: this.#authority.of(process),
      measureSkew: () => this.#measureSkew(process, clock.wallMs),
      readSource: () => this.#readSource(process),
      uuid: () => this.uuid(),
      listen: (signal) => {
        this.#listeners.set(process, signal);
      },
    };
    this.#trace.add(`${process.name} begins: ${kind} on ${host.name}${retry.size > 0 ? ` --retry ${[...retry]}` : ''}`);
    const job = jobOf(this.#scenario, path);
    const change = calm ? unlimited : undefined;
    let code: number;
    try {
      code = await command(machine, { kind, job, missing, retry, ...(change === undefined ? {} : { change }) });
    } catch (thrown) {
      const error = stoppedBy(thrown);
      code = error instanceof CountermandError ? error.exitCode : 1;
      if (code === 1 && process.exists) {
        this.violate('bug', error instanceof Error ? (error.stack ?? error.message) : String(error));
      }
      if (code === 12) this.violate('intact', `${process.name}: ${error instanceof Error ? error.message : ''}`);
      this.#trace.add(`${process.name} stops: ${error instanceof Error ? error.message.slice(0, 160) : String(error)}`);
    }
    this.#trace.add(`${process.name} exits ${code}`);
    process.end();
    return code;
  }

  readonly #listeners = new Map<SimProcess, () => void>();

  #playFaults(faults: SessionFaults, process: SimProcess, random: Random): void {
    playFaults(faults, process, {
      troubles: this.#troubles,
      isCalm: () => this.#calm,
      trace: (text) => this.#trace.add(text),
      losePower: () => {
        this.#trace.add('the power goes');
        for (const each of this.#processes.values()) each.kill(false);
        this.#disk.losePower();
        this.#host = { ...this.#host, boot: this.#host.boot + 1 };
      },
      terminate: (asked) => {
        this.#trace.add(`SIGTERM to ${asked.name}`);
        asked.act(() => this.#listeners.get(asked)?.());
      },
      startRival: (ledger, host) => this.#rival(ledger, random, host),
      jumpWallClock: (byMs) => this.#jump(byMs),
      revokeTokens: () => this.#authority.revokeAll(),
    });
  }

  #rival(ledger: 'same' | 'other', random: Random, where: 'same' | 'other'): void {
    if (this.#calm) return;
    const before = this.#host;
    if (where === 'other') this.#host = { name: `rival-${this.#pids}`, boot: 1 };
    const process = this.#process('rival', random.chance(0.2) ? random.spread(3, 500) : undefined);
    const path = ledger === 'same' ? PATH : OTHER_PATH;
    const isThere = this.#watchAt(path)?.hasIntake === true;
    void this.#start(process, isThere ? 'resume' : 'run', {}, { missing: 'keep', path });
    this.#host = before;
  }

  #process(name: string, killAfter: number | undefined): SimProcess {
    this.#pids++;
    const pid = this.#pids;
    const process: SimProcess = new SimProcess({
      pid,
      name: `${name}-${pid}`,
      killAfter,
      onKill: () => this.#trace.add(`${name}-${pid} is killed after ${process.events} events`),
    });
    this.#processes.set(pid, process);
    return process;
  }

  #processesOf(process: SimProcess, { name, boot }: Host): Processes {
    const exists = (pid: number) => this.#processes.get(pid)?.exists ?? false;
    return {
      self: {
        host: name,
        boot: `boot-${name}-${boot}`,
        pidNamespace: 'pid:[1]',
        pid: process.pid,
        processStart: `${process.pid}`,
      },
      exists,
      startOf: (pid) => (exists(pid) ? `${pid}` : null),
    };
  }

  #someoneLives(): boolean {
    return [...this.#processes.values()].some(({ exists, name }) => exists && !name.startsWith('reader'));
  }

  #watchOf(inode: Inode): LedgerWatch {
    let watch = this.#watches.get(inode.number);
    if (watch === undefined) {
      watch = new LedgerWatch((invariant, detail) => this.violate(invariant, detail));
      this.#watches.set(inode.number, watch);
      watch.onRecord = (record, by) => {
        if (by === undefined) return;
        const worker = this.#workers.get(by);
        if (record.kind === 'intake' && worker !== undefined && this.#scenario.source !== 'query') {
          worker.named = new Set(this.#ids);
        }
        if (record.kind !== 'open') return;
        this.#openers.push(by);
        const retry = worker?.retry ?? new Set();
        this.#sessionsOf.set(`${inode.number} ${record.session}`, retry);
      };
    }
    return watch;
  }

  /** A lock that was renewed within the last minute is nobody's but its holder's, as long as that lives. */
  #checkRemoval(path: string, inode: Inode, by: SimProcess): void {
    if (!path.endsWith('.lock') || !this.#clockWasRight()) return;
    const holder = parseHolder(inode.data.toString('utf8', 0, inode.length));
    const of = holder && this.#processes.get(holder.pid);
    const ageMs = Date.now() - inode.modifiedMs;
    if (of === undefined || of === by || !of.exists || ageMs >= LOCK_GOOD_MS) return;
    this.violate('lock', `${by.name} takes the lock ${path} from ${of.name}, which renewed it ${ageMs} ms ago`);
  }

  #watchAt(path: string): LedgerWatch | undefined {
    const inode = this.#disk.entries.get(path);
    return inode === undefined ? undefined : this.#watches.get(inode.number);
  }

  #jump(byMs: number): void {
    this.#offsetMs += byMs;
    this.#trace.add(`the wall clock jumps by ${byMs} ms to ${this.#offsetMs} ms`);
  }

  #measureSkew(process: SimProcess, wallMs: () => number): Promise<number | undefined> {
    const ms = this.#random.int(10, 400);
    return new Promise((resolve) => {
      process.act(() =>
        setTimeout(() => {
          const date = Math.floor(Date.now() / 1000) * 1000;
          const away = this.#troubles.outage !== undefined && this.#offsetMs === 0 && this.#troubles.outage !== '503';
          setTimeout(() => process.deliver(() => resolve(away ? undefined : date - wallMs())), ms);
        }, ms),
      );
    });
  }

  #readSource(process: SimProcess): ReturnType<Machine['readSource']> {
    if (this.#scenario.source === 'query') return undefined;
    const bytes = Buffer.from(this.#source);
    const size = this.#random.spread(50, 20_000);
    async function* chunks() {
      for (let at = 0; at < bytes.length; at += size) {
        await new Promise<void>((resolve) => process.act(() => queueMicrotask(() => process.deliver(resolve))));
        yield bytes.subarray(at, at + size);
      }
    }
    return { bytes: chunks(), sha256: createHash('sha256').update(bytes).digest('hex'), length: bytes.length };
  }

  #changeSource(random: Random): void {
    if (this.#scenario.source === 'query') return;
    const kept = this.#ids.filter(() => !random.chance(0.15));
    const added = Array.from({ length: random.int(0, 5) }, (_, n) => {
      const id = random.uuid();
      this.#defender.add(id, { known: true, index: this.#ids.length + n });
      return id;
    });
    this.#ids = [...kept, ...added];
    if (this.#ids.length === 0) return;
    this.#source = sourceText(this.#ids, random.fork('text'));
    this.#trace.add(`the source changes: ${kept.length} kept, ${added.length} new`);
  }

  #playOtherClient(): void {
    const { otherClientPerMinute } = this.#scenario;
    if (otherClientPerMinute === 0) return;
    const random = this.#random.fork('other client');
    const next = () => {
      if (this.#calm) return;
      this.#defender.spendElsewhere();
      setTimeout(next, random.spread(100, 120_000 / otherClientPerMinute + 200));
    };
    setTimeout(next, 1000);
  }

  #isExcluded(truth: Truth): boolean {
    const { guards } = jobOf(this.#scenario, PATH);
    if (guards.onlyType.length > 0 && !guards.onlyType.includes(truth.type)) return true;
    return guards.createdAfter !== undefined && BEGINNING + truth.createdMs < Date.parse(guards.createdAfter);
  }

  /** Lets time pass until the work is done. The work's error is thrown, a stall is a violation. */
  async #until<T>(work: Promise<T>, orElse: () => boolean = () => false): Promise<T | undefined> {
    let done: { value: T } | { error: unknown } | undefined;
    work.then(
      (value) => {
        done = { value };
      },
      (error: unknown) => {
        done = { error };
      },
    );
    const isOver = () => done !== undefined || orElse() || this.#failure !== undefined;
    const held = await this.#time.runUntil(isOver, LONGEST_SESSION_MS);
    if (!held) this.violate('stall', 'the session does not come to an end, whatever happens');
    if (done === undefined) return undefined;
    if ('error' in done) throw done.error;
    return done.value;
  }
}

function aboutSent({ request }: Sent): string {
  const { route, id, ids } = request;
  return route === 'list' ? `list of ${ids.length}` : `${route} ${id?.slice(0, 8)}`;
}

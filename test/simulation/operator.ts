import { sourceText } from './job.ts';
import { admittedIn, headOf } from './ledger-text.ts';
import { playFaults } from './play-faults.ts';
import type { SimProcess } from './process.ts';
import type { Command } from './program.ts';
import type { Random } from './seed.ts';
import { startSession } from './session.ts';
import type { SessionFaults } from './session-faults.ts';
import { LEDGER, NO_OUTAGES, SECOND_LEDGER, SECOND_PATH, type WorldState } from './state.ts';
import { changePlan, tamper } from './tampering.ts';

/** A session with its faults, and the time until the next. */
export async function playSession(state: WorldState, faults: SessionFaults): Promise<void> {
  const random = state.random.fork(`session ${state.sessions}`);
  if (faults.sourceChange) changeSource(state, random.fork('source'));
  if (faults.movesHost) state.host = { name: `host-${state.sessions + 2}`, boot: 1 };
  state.clocks.lie(faults.lie);
  const process = state.processes.start('main', faults.killAfter);
  const reviewed = review(state);
  const kind = reviewed === undefined ? nextCommand(state, random, faults) : 'start';
  const changes = reviewed !== undefined && state.scenario.review?.changed === true;
  const onLock = changes ? playChangeOfPlan(state, random.fork('review')) : undefined;
  const missing = random.pick(['withdraw', 'keep'] as const);
  const done = startSession(state, process, { kind, missing, faults, retry: faults.retry, reviewed, onLock });
  playFaults(faults, process, targetsOf(state, random));
  await runToEnd(state, process, done);
  state.disk.unlinkByHand(SECOND_PATH);
  Object.assign(state.outages, NO_OUTAGES);
  if (faults.secondLedger !== undefined && state.failure === undefined) {
    await playSecondLedger(state, faults.secondLedger.killAfter);
  }
  await state.time.pass(faults.gapMs);
  if (faults.tampering?.atMs === 'between') tamper(state, LEDGER, faults.tampering.how, random.fork('tampering'));
  if (faults.fileTimesMs !== undefined) setFileTimes(state, faults.fileTimesMs);
  if (faults.jumpBetweenMs !== 0) state.jumpWallClock(faults.jumpBetweenMs);
}

/** What an operator types next, who sees the ledger and the source. */
function nextCommand(state: WorldState, random: Random, faults: SessionFaults): Command['kind'] {
  const watch = state.files.watchAt(LEDGER);
  const { source, plansFirst } = state.scenario;
  if (watch === undefined || watch.run === '') return plansFirst && state.sessions === 0 ? 'plan' : 'run';
  // Its newest unfinished ledger is gone on with: a finished one would be followed by another, which nobody watches.
  const isUnfinished = watch.closed !== 'finished';
  if (source === 'query') return state.scenario.earlier && isUnfinished && random.chance(0.5) ? 'nightly' : 'resume';
  if (faults.retry.length > 0) return 'resume';
  if (faults.sourceChange || !watch.hasIntake) return random.chance(0.8) ? 'run' : 'resume';
  return random.chance(0.08) ? 'verify' : random.chance(0.7) ? 'resume' : 'run';
}

/** A whole plan that was not started is looked at, where this operator does so. */
function review(state: WorldState): { head: string; ids: ReadonlySet<string> } | undefined {
  const { review: wanted, plansFirst } = state.scenario;
  const watch = state.files.watchAt(LEDGER);
  const bytes = state.disk.bytes(LEDGER);
  if (wanted === undefined || !plansFirst || bytes === undefined) return undefined;
  if (watch?.hasIntake !== true || watch.hasStart) return undefined;
  return { head: headOf(bytes), ids: admittedIn(bytes) };
}

/** After the review, or while the run opens the ledger, which costs a few ms. Returns what is to happen when its lock is there. */
function playChangeOfPlan(state: WorldState, random: Random): (() => void) | undefined {
  const change = () => {
    if (!state.isCalm) changePlan(state, LEDGER, random);
  };
  if (random.chance(0.5)) return change;
  if (random.chance(0.3)) change();
  else setTimeout(change, random.int(1, 7));
  return undefined;
}

export function runToEnd(state: WorldState, process: SimProcess, done: Promise<number>): Promise<void> {
  return state.until(
    done.then(() => undefined),
    () => process.isDead,
  );
}

/** Another job's run, as the same application and out of the same folder: its calls count too. */
async function playSecondLedger(state: WorldState, killAfter: number | undefined): Promise<void> {
  const process = state.processes.start('second', killAfter);
  const isThere = state.files.watchAt(SECOND_LEDGER)?.hasIntake === true;
  const done = startSession(state, process, {
    kind: isThere ? 'resume' : 'run',
    missing: 'keep',
    path: SECOND_LEDGER,
    stream: `turn-${process.pid}`,
  });
  await runToEnd(state, process, done);
}

export function targetsOf(state: WorldState, random: Random): Parameters<typeof playFaults>[2] {
  return {
    outages: state.outages,
    isCalm: () => state.isCalm,
    trace: (text) => state.trace.add(text),
    losePower: () => state.losePower(),
    terminate: (asked) => {
      state.trace.add(`SIGTERM to ${asked.name}`);
      asked.act(() => state.signals.get(asked)?.());
    },
    startCompeting: (ledger, host) => {
      const path = ledger === 'same' ? LEDGER : SECOND_LEDGER;
      startCompeting(state, random, path, host === 'other' ? `rival-${state.processes.lastPid}` : undefined);
    },
    jumpWallClock: (byMs) => state.jumpWallClock(byMs),
    revokeTokens: () => state.authority.revokeAll(),
    disturbs: (process) => state.disturb(process),
    tamper: (how) => tamper(state, LEDGER, how, random.fork('tampering')),
    linkAndStart: () => {
      const inode = state.disk.entries.get(LEDGER);
      if (inode === undefined || inode.length === 0) return;
      state.disk.linkByHand(inode, SECOND_PATH);
      startCompeting(state, random.fork('second path'), SECOND_PATH, undefined);
    },
  };
}

/** Somebody starts it a second time, on this host or on another. */
function startCompeting(state: WorldState, random: Random, path: string, host: string | undefined): void {
  if (state.isCalm) return;
  const before = state.host;
  if (host !== undefined) state.host = { name: host, boot: 1 };
  const process = state.processes.start('competing', random.chance(0.2) ? random.spread(3, 500) : undefined);
  const isThere = state.files.watchAt(path)?.hasIntake === true;
  for (const each of state.workers.keys()) state.disturb(each);
  const stream = `rival-${process.pid}`;
  void startSession(state, process, { kind: isThere ? 'resume' : 'run', missing: 'keep', path, stream });
  state.disturb(process);
  state.host = before;
}

function changeSource(state: WorldState, random: Random): void {
  if (state.scenario.source === 'query') return;
  const kept = state.ids.filter(() => !random.chance(0.15));
  const added = Array.from({ length: random.int(0, 5) }, (_, n) => {
    const id = random.uuid();
    state.defender.add(id, { known: true, index: state.ids.length + n });
    return id;
  });
  state.ids = [...kept, ...added];
  if (state.ids.length === 0) return;
  state.source = sourceText(state.ids, random.fork('text'), state.scenario.priorities);
  state.trace.add(`the source changes: ${kept.length} kept, ${added.length} new`);
}

/** As `touch -d` does. */
function setFileTimes(state: WorldState, byMs: number): void {
  for (const [path, inode] of state.disk.entries) if (!path.endsWith('.lock')) inode.modifiedMs += byMs;
  state.trace.add(`the ledgers' modification times are off by ${byMs} ms`);
}

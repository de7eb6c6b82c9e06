import { systemClock } from '../../src/clock.ts';
import type { PastCall } from '../../src/ledger/state/run-state.ts';
import { SLOW_SYNC_MS, UNANSWERED_MS } from '../../src/quota/call-times.ts';
import type { Gate } from '../../src/quota/gate/gate.ts';
import type { Quota } from '../../src/quota/quota.ts';
import type { Counted } from './checker.ts';

/** What happens to one send. `afterMs` is at most 30 s, where every call is given up. */
export interface Fate {
  kind: 'answer' | 'throttled' | 'server-error' | 'lost';
  afterMs: number;
  syncMs: number;
}

/** One thing to be done, with a call for each fate until the last, or until it is abandoned. */
export interface Task {
  startMs: number;
  fates: readonly Fate[];
  /** Gives up waiting for a slot so long after its start. */
  abandonMs: number | undefined;
}

/** What outlives a session: the calls that the service saw, and the ledger's list. */
export interface World {
  counted: Counted[];
  ledger: PastCall[];
}

export interface SessionOptions {
  quota: Quota;
  gate?: Gate;
  world: World;
  /** This session's wall clock minus the true time. */
  wallOffsetMs?: number;
  /** Steps into a trap: send however long the sync took. */
  ignoresSlowSync?: boolean;
  /** Steps into a trap: send on a slot that is not usable any more. */
  ignoresLapse?: boolean;
  /** Steps into a trap: a retry goes out on the slot of the call before. */
  retriesOnOneSlot?: boolean;
  /** Steps into a trap: the slot is settled as soon as the call is sent. */
  settlesAtSend?: boolean;
}

export interface Session {
  done(): number;
  /** From now on nothing of this session happens any more: its process is gone. */
  kill(): void;
}

/** A process that makes calls as the engine does: slot, gate, intent, sync, send, answer. */
export function startSession(tasks: readonly Task[], options: SessionOptions): Session {
  const { quota, gate, world, wallOffsetMs = 0 } = options;
  let dead = false;
  let done = 0;
  const now = () => performance.now();
  const wall = () => Date.now() + wallOffsetMs;
  // What an answer's Date header shows; an earlier answer of the session has shown it for calls without one.
  const skewMs = Math.abs(wallOffsetMs) > 2000 ? -wallOffsetMs : 0;

  // A killed process does not come back from any await.
  const alive = async <T>(work: Promise<T>): Promise<T> => {
    await Promise.allSettled([work]);
    if (dead) await new Promise<never>(() => {});
    return await work;
  };
  const sleep = (ms: number) => alive(systemClock.sleep(ms));

  const attempt = async (
    fate: Fate,
    subject: string,
    signal: AbortSignal | undefined,
    held?: SlotInUse,
  ): Promise<SlotInUse> => {
    for (let syncMs = fate.syncMs; ; syncMs = 0) {
      const slot = held ?? (await alive(quota.take('cancel', signal)));
      const pass = gate === undefined ? undefined : await alive(gate.pass());
      const past: PastCall = {
        route: 'cancel',
        intentAtMs: wall(),
        repliedAtMs: undefined,
        unanswered: false,
        skewMs,
      };
      world.ledger.push(past);
      await sleep(syncMs);
      const isSlow = syncMs >= SLOW_SYNC_MS && !options.ignoresSlowSync;
      if (isSlow || pass?.stillOpen() === false || (!slot.usable() && !options.ignoresLapse)) {
        world.ledger.splice(world.ledger.indexOf(past), 1);
        slot.release();
        pass?.cancel();
        continue;
      }
      const sentMs = now();
      const counted: Counted = { sentMs, latestMs: sentMs + UNANSWERED_MS };
      world.counted.push(counted);
      if (options.settlesAtSend) slot.settle();
      await sleep(fate.afterMs);
      past.repliedAtMs = wall();
      if (fate.kind === 'lost') {
        past.unanswered = true;
        pass?.report({ kind: 'unreachable', subject });
      } else {
        counted.latestMs = now();
        if (fate.kind === 'throttled') pass?.report({ kind: 'throttled', retryAfterMs: 3000 });
        else if (fate.kind === 'server-error') pass?.report({ kind: 'unreachable', subject });
        else pass?.report({ kind: 'answered' });
      }
      if (!options.retriesOnOneSlot && !options.settlesAtSend) {
        if (fate.kind === 'lost') slot.settleUnanswered(sentMs);
        else slot.settle();
      }
      return slot;
    }
  };

  const run = async (task: Task, subject: string) => {
    await sleep(task.startMs);
    const signal = task.abandonMs === undefined ? undefined : after(task.abandonMs);
    let held: SlotInUse | undefined;
    for (const fate of task.fates) {
      const slot = await attempt(fate, subject, signal, held);
      if (options.retriesOnOneSlot) held = slot;
    }
    held?.settle();
  };

  for (const [index, task] of tasks.entries()) {
    run(task, `action ${index}`)
      .catch((error: unknown) => {
        if (error !== GIVEN_UP) throw error;
      })
      .finally(() => {
        done += 1;
      });
  }
  return {
    done: () => done,
    kill: () => {
      dead = true;
    },
  };
}

type SlotInUse = Awaited<ReturnType<Quota['take']>>;

const GIVEN_UP = new Error('given up');

function after(ms: number): AbortSignal {
  const controller = new AbortController();
  setTimeout(() => controller.abort(GIVEN_UP), ms);
  return controller.signal;
}

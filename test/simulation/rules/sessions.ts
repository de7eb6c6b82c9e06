import { EXIT_CODES } from '../../../src/exit-codes.ts';
import { OUTCOMES } from '../../../src/ledger/outcomes.ts';
import type { Invariant } from './rule.ts';

/** More than a calm session needs, beside what its quota costs. */
const SLACK_MS = 10 * 60_000;

/** How sessions end. */
export const SESSION_RULES: readonly Invariant[] = [
  {
    name: 'exit code',
    promise: 'Every session ends with a code of the table, and never with 1.',
    check: {
      exit: ({ worker, code, message }) =>
        code !== 1 && Object.hasOwn(EXIT_CODES, code) ? undefined : `${worker.process.name} exits ${code}: ${message}`,
      uncaught: (error) => `nobody caught ${error instanceof Error ? error.stack : String(error)}`,
    },
  },
  {
    name: 'resumable',
    promise: 'A ledger that was swapped under its run, or a wall clock that was set, stops a session with 6 at most.',
    check: {
      exit: ({ worker, code, message }, { scenario }) => {
        // A plan that was changed after its review is refused, whatever the clock does.
        if (worker.reviewed !== undefined && scenario.review?.changed === true) return undefined;
        // What was lost with a reader of stdin that was killed is refused, whatever the clock does.
        if (message?.startsWith('stdin was not read to its end')) return undefined;
        // So is what a hand has put in a ledger's place and is none.
        if (code === 2 && message?.includes(' is not a ledger: ')) return undefined;
        // So are, by a session that has begun in order, open actions that the source no longer names; a swap or a clock ends it with 6 or is thrown.
        if (code === 2 && message === '') return undefined;
        // So is a plan that is to be made of a run that was started meanwhile.
        if (code === 2 && worker.kind === 'plan' && /is a run that was started, not a plan/.test(message ?? ''))
          return undefined;
        // Who has not begun yet waits for whoever works on the ledger, or goes.
        if (code === 11 && /is held by process .*wait until that run ends/.test(message ?? '')) return undefined;
        const why =
          worker.swappedAtMs !== undefined
            ? 'its ledger was swapped'
            : worker.clockJumped
              ? 'its clock was set'
              : undefined;
        if (why === undefined || worker.disturbed || ![1, 2, 11, 12].includes(code)) return undefined;
        return `${worker.process.name} exits ${code} though only ${why}: ${message}`;
      },
    },
  },
  {
    name: 'termination',
    promise: 'Where nothing goes wrong a session is done within what its quota costs, with a few calls an action.',
    check: {
      calm: ({ tookMs, calls, afterLies }, { scenario }) => {
        const { windows, share, confirmForMs, actions } = scenario;
        const optimumMs = Math.max(
          ...windows.map((window) => {
            const cap = Math.max(1, Math.floor(window.calls * share));
            return (Math.floor(calls / cap) + 2) * (window.perMs + 1000);
          }),
        );
        // What a lying clock makes look young is waited for once more.
        const longestMs = afterLies ? Math.max(...windows.map(({ perMs }) => perMs)) : 0;
        if (tookMs > optimumMs + longestMs + confirmForMs + SLACK_MS) {
          return `a calm session took ${tookMs} ms for ${calls} calls, the optimum is ${optimumMs} ms`;
        }
        // Where no list of ten is answered all is looked up one by one, and what has become too old by its turn twice more.
        const callsAnAction = scenario.list.maxIds < 10 ? 6 : 4;
        return calls > callsAnAction * (actions + 20) + 60
          ? `a calm session made ${calls} calls for ${actions} actions`
          : undefined;
      },
    },
  },
  {
    name: 'stall',
    promise: 'Every session comes to its end.',
    check: { stall: (what) => what },
  },
  {
    name: 'settled',
    promise: 'Where nothing goes wrong any more, every action gets its final outcome.',
    check: {
      unsettled: (left) => `${left} actions are left after all calm sessions`,
      end: ({ folded, settled, isOdd }, { scenario }) => {
        if (!settled) return undefined;
        for (const id of folded.admitted) {
          const outcome = folded.outcomes.get(id);
          if (isOdd(id) || (outcome !== undefined && OUTCOMES[outcome].final)) continue;
          // Without permission to read there is no telling; else a resume, a look or another try settles it.
          if (outcome === undefined || scenario.reads) return `${id} is still ${outcome ?? 'open'}`;
        }
        return undefined;
      },
    },
  },
];

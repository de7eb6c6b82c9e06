import type { Scenario } from './scenario.ts';

export interface Patch {
  /** Below the folder that the simulation is compiled into. */
  file: string;
  find: string;
  replace: string;
}

/** A fault made on purpose. */
export interface Mutant {
  name: string;
  patches: readonly Patch[];
  /** Looked for where workers are. */
  fleet?: true;
  /** Looked for only where it can be seen, which most worlds do not get to. */
  among?(scenario: Scenario): boolean;
}

const one = (name: string, file: string, find: string, replace: string): Mutant => ({
  name,
  patches: [{ file, find, replace }],
});

const ofFleet = (...args: Parameters<typeof one>): Mutant => ({ ...one(...args), fleet: true });

/** A session has opened its ledger by then. */
const OPENING_MS = 8;
/** Of a process that stands still as long, another has taken the lock, and written. */
const TAKEN_OVER_MS = 90_000;

/** What the simulation must find, each within 500 seeds, when it is patched into a copy of the compiled program. */
export const MUTANTS: readonly Mutant[] = [
  one('an intent that is not synced', 'src/ledger/ledger.js', "this.#durable('intent'", "this.#append('intent'"),
  one('a slot freed at send', 'src/defender/client.js', 'const slotWaitMs =', 'slot.release();\nconst slotWaitMs ='),
  one(
    'a retry without a slot',
    'src/defender/client.js',
    'withRetry(clock, random, withQuota(quota, clock, withAuth(parts.tokens, makeSend(parts))))',
    'withQuota(quota, clock, withRetry(clock, random, withAuth(parts.tokens, makeSend(parts))))',
  ),
  one('a restart that forgets its calls', 'src/ledger/state/calls.js', 'const recent = [];', 'return [];'),
  one(
    'a resume that sends in-doubt actions again blindly',
    'src/defender/read-answer.js',
    "return { kind: 'lost', error: error ?? 'interrupted', http };",
    "return error === undefined ? { kind: 'throttled', code, retryAfterMs } : { kind: 'lost', error, http };",
  ),
  one(
    'a 404 taken as final at once',
    'src/engine/cancel-rules.js',
    'createdAtMs !== undefined && askedAtMs < createdAtMs + YOUNG_MS',
    'false',
  ),
  one(
    'an outcome written before its reply',
    'src/defender/send.js',
    'const recorded = journal.reply(reply);',
    'const recorded = Promise.resolve();\nvoid clock.sleep(20_000).then(() => journal.reply(reply)).catch(() => {});',
  ),
  one('a lock ignored', 'src/store/folder/lock.js', 'await untilFree(old, options);', ''),
  {
    name: 'a process that goes on after its lock ran out',
    patches: [
      { file: 'src/store/folder/held-lock.js', find: 'assertFresh() {', replace: 'assertFresh() {\nreturn;' },
      { file: 'src/store/folder/held-lock.js', find: 'async assertHeld() {', replace: 'async assertHeld() {\nreturn;' },
    ],
  },
  {
    name: 'a successor whose records are cut as a torn tail',
    // It stands still between the reading of its ledger and the cut, until another has gone on with it.
    among: ({ sessions }) =>
      sessions.some(({ freeze }) => freeze !== undefined && freeze.atMs <= OPENING_MS && freeze.forMs > TAKEN_OVER_MS),
    patches: [
      {
        file: 'src/store/folder/begin.js',
        find: 'await refusingChanges(own.assertUntouched(), path);\n    const bytes = file.size - found.bytes;',
        replace: 'const bytes = (await file.facts()).size - found.bytes;',
      },
      {
        file: 'src/store/folder/begin.js',
        find: 'await locks.assertHeld();\n    await file.truncate',
        replace: 'await file.truncate',
      },
      { file: 'src/store/folder/hold.js', find: 'await refusingChanges(own.assertUntouched(), path);', replace: '' },
    ],
  },
  one(
    'calls of another ledger that are forgotten',
    'src/store/folder/folder-calls.js',
    'await ofNeighbours(options, (path, facts, now) => knownCallsOf(path, facts, now, options))',
    '[]',
  ),
  one(
    "a proxy's page after which a cancel is sent again blindly",
    'src/engine/cancel-rules.js',
    "return { kind: 'look-up', doubt: { kind: 'lost', error: answer.error, costsAttempt } };",
    "return answer.error === 'foreign-body' ? { kind: 'again', attempt } : { kind: 'look-up', doubt: { kind: 'lost', error: answer.error, costsAttempt } };",
  ),
  one(
    'what the source no longer names, not taken back',
    'src/run/approve.js',
    'await Promise.all(open.map',
    'await Promise.all([].map',
  ),
  one('a cap that does not hold', 'src/engine/session.js', 'admitted <= guards.maxActions', 'true'),
  one('a torn tail that is left', 'src/store/folder/begin.js', 'await file.truncate(found.bytes);\n', '\n'),
  one(
    'an unanswered call that is taken for one that did not count',
    'src/quota/call-times.js',
    'UNANSWERED_MS = ANSWER_LIMIT_MS + ON_THE_WAY_MS',
    'UNANSWERED_MS = 0',
  ),
  one('a guard that does not hold', 'src/engine/guards.js', 'if (kept !== undefined)', 'if (false)'),
  one(
    'an accepted cancel that is sent again after a restart',
    'src/engine/cancel-rules.js',
    "case 'accepted':\n            return { kind: 'confirm' };",
    "case 'accepted':\n            return { kind: 'again', attempt };",
  ),
  one(
    'attempts used up without a look',
    'src/engine/cancel-rules.js',
    "return canRead\n                ? { kind: 'look-up', doubt: { kind: 'used-up', last: httpDetail(answer) } }\n                : { kind: 'settle', settlement: usedUp(",
    "return false\n                ? { kind: 'look-up', doubt: { kind: 'used-up', last: httpDetail(answer) } }\n                : { kind: 'settle', settlement: usedUp(",
  ),
  one('a token in the log', 'src/defender/send.js', 'log.debug({', 'log.info({ sent: token.token,'),
  one(
    'a gate that stays closed',
    'src/quota/gate/gate.js',
    'clock.sleep(atMs - clock.monotonicMs(), {',
    'clock.sleep(1e12, {',
  ),
  one(
    'a run with something to look at that ends as if there were nothing',
    'src/report/facts/headline.js',
    'lookCount(ending.counts) > 0 ? 3 : 0',
    'false ? 3 : 0',
  ),
  one(
    'a release list that is not written',
    'src/run/release-list.js',
    'if (needsRelease === 0 && !(await list.isThere()))',
    'if (true)',
  ),
  one(
    'an earlier ledger that is removed with work left in it',
    'src/run/prune.js',
    "if (last.closed?.reason !== 'finished')",
    'if (false)',
  ),
  one(
    'a job that begins anew beside its unfinished ledger',
    'src/run/newest-unfinished.js',
    'if (state.sessions.length > 0 && !isFinished(state))',
    'if (false)',
  ),
  one(
    'a source that is not read again',
    'src/run/resume-rules.js',
    "return approved && source.kind === 'file' ? 'if-changed' : 'yes'",
    "return 'no'",
  ),
  one(
    'a ledger replaced under its run that nobody looks at',
    'src/store/folder/own-file.js',
    'async look() {',
    'async look() {\nreturn;',
  ),
  {
    name: 'a ledger cut under its run, unnoticed',
    patches: [
      { file: 'src/store/folder/own-file.js', find: 'if (there.size < least)', replace: 'if (false)' },
      { file: 'src/store/folder/own-file.js', find: 'if (size !== file.size)', replace: 'if (false)' },
    ],
  },
  {
    name: 'a ledger with two names, and so with two locks',
    patches: [
      { file: 'src/store/folder/hold.js', find: 'if (facts.links > 1)', replace: 'if (false)' },
      { file: 'src/store/folder/own-file.js', find: 'if (size !== file.size)', replace: 'if (false)' },
    ],
  },
  one(
    'a reviewed head that is not compared',
    'src/run/reviewed-head.js',
    'if (head === reviewed)\n        return;',
    'return;',
  ),
  {
    name: 'a ledger that is read before its lock is taken',
    patches: [
      {
        file: 'src/store/folder/hold.js',
        find: 'await locks.take(',
        replace:
          'const early = await openIfThere(disk, path);\nconst found = await project(path, { read: () => early?.read() ?? NOTHING }, { trace, head, signal });\nawait early?.close();\nawait locks.take(',
      },
      {
        file: 'src/store/folder/hold.js',
        find: 'const found = await project(path, bytes, { trace, head, signal });',
        replace: '',
      },
    ],
  },
  one(
    'a record that does not fit, taken as it is',
    'src/ledger/scanner.js',
    'if (read instanceof InvalidRecord)',
    'if (false)',
  ),
  one('a ledger that widens its own quota', 'src/job/resume-job.js', 'if (wider.length > 0)', 'if (false)'),
  one(
    'a type that an earlier session is said to have seen, believed',
    'src/engine/screening.js',
    'isOurs(screen) && ',
    '',
  ),
  one(
    'a clock that was set, taken for a lost lock',
    'src/store/folder/held-lock.js',
    'this.#lost = new ClockError(',
    'this.#lost = new LockedError(',
  ),
  one(
    'a past that is judged by our clock alone',
    'src/ledger/call-age.js',
    'Math.min(now.wallMs - atMs, byDefender, byFile)',
    'now.wallMs - atMs',
  ),
  one(
    'a list that is taken for whole where its links end',
    'src/defender/paging.js',
    'return byPlace ? skip(before.start + entries) : skip(place, { bySkip: true });',
    'return whole;',
  ),
  one(
    'a status in another spelling that is not known',
    'src/defender/entity.js',
    ".replace(/^canceled$/, 'cancelled')",
    '',
  ),
  one(
    'a Retry-After with a fraction that is not understood',
    'src/defender/retry-after.js',
    String.raw`const SECONDS = /^(?:\d+(?:\.\d*)?|\.\d+)$/;`,
    String.raw`const SECONDS = /^\d+$/;`,
  ),
  ofFleet(
    'a worker that does not notice that a run is not its any more',
    'src/fleet/place.js',
    "signal.addEventListener('abort', giveUp, { once: true });",
    '',
  ),
  ofFleet('a drained run that becomes a dead letter', 'src/fleet/settle-rules.js', 'case 143:', ''),
  ofFleet(
    'takeovers that are counted whatever was done between them',
    'src/fleet/settle-rules.js',
    'const idleTakeovers = wentOn ? 0 : submission.idleTakeovers + deaths;',
    'const idleTakeovers = submission.idleTakeovers + deaths;',
  ),
  ofFleet(
    'takeovers that are not counted',
    'src/fleet/settle-rules.js',
    'submission: { ...submission, takeovers, idleTakeovers,',
    'submission: { ...submission, takeovers,',
  ),
  ofFleet('a run of a lost worker that is begun at once', 'src/fleet/place.js', 'if (deaths > 0) {', 'if (false) {'),
  ofFleet(
    'a held run that is handed out again at once',
    'src/fleet/settle-rules.js',
    "return { kind: 'again', afterMs: HELD_MS, submission };",
    "return { kind: 'again', afterMs: 0, submission };",
  ),
  ofFleet(
    'a wait that does not grow',
    'src/fleet/settle-rules.js',
    'waits: submission.waits + 1',
    'waits: submission.waits',
  ),
];

import { type FaultName, FLEET_FAULTS, LATE_FAULTS } from './faults.ts';

/** Every seed that ever failed, and what it found. They are run with every set of fresh ones. */
export const KNOWN_SEEDS: Readonly<Record<number, string>> = {
  1: 'a 400 to a repeated cancel was told as failed, though the cancel before it, whose answer was lost, took hold later',
  26: 'a cancel answered 503 was carried out; after five attempts it was told as failed without a look',
  72: 'a 404 to an action too young to be found was told as not-found by a resume hours later, without asking again',
  96: 'an action taken back with --withdraw-missing got two outcomes',
  104: 'an action that showed our stamp and was still being cancelled was told as failed after a 400',
  140: 'a process frozen while it opened a ledger cut what its successor had written as a torn tail',
  206: 'the last of five attempts was a 5xx that had been carried out, in a world without permission to read',
  269: 'a conflict (409) answered to a repeat was told as failed, though the attempt before it had been carried out',
  1768: 'a clock set back by what its machine then slept: both of a process’s clocks were deceived (not drawn any more)',
  1939: 'a disk that failed at a run’s end and at its closing made exit 1 of an exit 6',
  100748: 'a retry of an unconfirmed action, killed: the simulation itself took the resume for a needless repeat',
  101698: 'stopped between a look and its outcome, an action cancelled by us was told as already-final',
  208976:
    'a cancel answered 500 was carried out; its repeat, after the permission was lost, was told as forbidden without a look',
  209661:
    'an action asked for a lookup just as the last one ended and waited for ever, in a world without permission to read',
  901112:
    'a 404 that took half a minute to come was judged by the action’s age when it came, not when it was asked: told as not-found though too young',
  1001478: 'another ledger’s lost answer: the simulation itself wanted a look from a ledger that could not know of it',
  1007502:
    'a clock that jumped made the later of two processes the first to open: the simulation itself took the successor for the one followed',
  901299:
    'accepted while another client’s cancel was under way: the simulation itself took the outcome for a wrong one',
  4003504:
    'of two lookups at a time the second was sent after the answer to the first: the simulation itself took the wrong intent for its own',
  4004614:
    'a wall clock set back during a call that a proxy’s page without a date answered made the call look old: one over the quota after a restart',
  8201085:
    'an unconfirmed cancel, tried again after the permission was lost, was told as forbidden, though Defender showed it accepted and under way',
  1661995475:
    'a cancel whose answer was lost arrived 40 s after it was sent; its repeat was refused, looked up before that, and told as failed',
  7002601: 'a call in doubt that the source no longer named: the simulation itself took it for one that was taken back',
  7006390: 'the same as 7002601',
  939108387: 'a neighbour’s ledger without a record: the simulation itself wanted a report of it',
  8009924:
    'a neighbour’s ledger, written while the clock was a quarter of an hour slow, was taken for old and its calls forgotten',
  3003601:
    'a process frozen while it took a dead one’s lock away went on after a minute, and took its successor’s away',
  7000619:
    'a 429 that came back while a probe was out asked for a longer wait, and the probe’s answer opened the gate before it was over',
  7001259: 'a file that is no ledger was taken away between its two readings: exit 1 instead of a sentence',
  7000049: 'a neighbour’s ledger whose modification time was set back was taken for old, and its calls for free',
  7000485: 'the same as 7000049',
  9100366: 'a page of nothing but entries without an ID was not counted, so its list could never be known to be whole',
  20000647:
    'a reviewed plan was changed while it was opened, and the clock was set: the simulation itself took the refusal of its head for the clock’s doing',
  1795669030:
    'a process frozen while it looked at its ledger before a write went on after minutes, and wrote behind its successor’s records',
  910005610:
    'a plan whose source was not read to its end was started by its head, and what nobody had reviewed was cancelled',
  910005771: 'the same, after another change of the plan',
  783001688: 'without permission to read each 400 was waited on for a lookup that could not be made',
  783002386:
    'a plan that sends nothing was made beside a run of its sender: the simulation itself took it for a sender',
  785005192:
    'a wall clock was set ahead by a little less than a lock’s life, and a ledger was cut: the simulation itself blamed the cut',
  781000738: 'a release stayed unknown for ever, as the cancel for it seemed to come from the future',
  910001221:
    'a cancel that timed out was sent once more unseen and answered 404: told as not-found while the first was still on its way',
  910006598:
    'where every list is refused all is looked up one by one: the simulation itself wanted fewer calls than that costs',
  2063775325: 'the same as 910006598',
  1843465204:
    'a foreign file was cut to nothing and a ledger begun in it: the simulation itself took it for foreign still',
  557480282:
    'a ledger was cut under a run and copied back later: the simulation itself took the copy for one that only the program wrote',
  246189697: 'a file that is no ledger was refused while the clock was set: the simulation itself blamed the clock',
  640159374: 'a release that a cancel was sent for was excluded when it was tried again, before that cancel took hold',
  640159635: 'a source no longer named open actions, and a ledger was cut too: the simulation itself blamed the cut',
  930001936:
    'a ledger that lost its name was kept as a copy: the simulation itself took that for a session’s beginning',
  3000029:
    'a worker’s next session knew nothing of the 429 to the one before: the simulation itself took both for one session',
  6000589: 'a worker began a plan beside a run: the simulation itself looked for the run’s intents in the plan',
  930008730: 'a list was asked for five times without an answer: the simulation itself counted only single lookups',
  3974241685:
    'a run was submitted while its plan was still in a place that waited for it: the simulation itself took one session for the other',
};

/** Known seeds that failed with the late faults, which are part of what they found. */
const FAILED_WITH_LATE: ReadonlySet<number> = new Set([
  7000049, 7000485, 7000619, 7001259, 9100366, 20000647, 1795669030, 910005610, 910005771, 910001221, 910006598,
  2063775325, 1843465204, 246189697, 640159374, 640159635, 781000738, 783001688, 783002386, 785005192, 930001936,
  930008730,
]);

/** Known seeds that failed since there are workers too: with all faults. */
const FAILED_WITH_FLEET: ReadonlySet<number> = new Set([3000029, 6000589, 557480282, 3974241685]);

/** A world that failed before some faults were thought of is run again as it was then, without them. */
export function withoutLate(seed: number): readonly FaultName[] {
  if (!Object.hasOwn(KNOWN_SEEDS, seed) || FAILED_WITH_FLEET.has(seed)) return [];
  return FAILED_WITH_LATE.has(seed) ? FLEET_FAULTS : LATE_FAULTS;
}

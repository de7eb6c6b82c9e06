import { describe, expect, it } from 'vitest';
import type { Fault } from '../../src/sandbox/faults.ts';
import { seededRandom } from '../../src/sandbox/seeded.ts';
import { COMMENT, documentOf, type Harness, id, ids, only, openHarness } from '../support/harness.ts';

const COUNT = 60;
/** Lost answers are looked up five seconds later, one after the other where one call is in flight. */
const PATIENT = { timeoutMs: 90_000 };
const HOUR_MS = 3_600_000;
const device = (n: number) => n.toString(16).padStart(40, 'd');
const all = ids(COUNT);
const actions = all.map((each, index) => ({ id: each, machineId: device(index) }));

/** A sandbox whose devices were seen in an order that is no other one, and two of them never. */
async function openIncident(options: Parameters<typeof openHarness>[0] = {}) {
  const harness = await openHarness({ actions, ...options });
  const random = seededRandom(7);
  const hours = all.map(() => random() * 1000);
  for (const [index, ago] of hours.entries()) {
    const lastSeenMs = index === 3 || index === 11 ? null : Date.now() - ago * HOUR_MS;
    harness.sandbox.devices.tell(device(index), { lastSeenMs });
  }
  await harness.file('ids.txt', all);
  const known = all.filter((_, index) => index !== 3 && index !== 11);
  const rank = (each: string) => hours[all.indexOf(each)] ?? 0;
  return { harness, expected: [...known.sort((a, b) => rank(a) - rank(b)), id(4), id(12)] };
}

/** The actions in the order in which the strict server saw their first cancels. */
function firstCancels({ sandbox }: Harness): string[] {
  return [...new Set(sandbox.log.entries.filter(({ route }) => route === 'cancel').flatMap((entry) => entry.ids))];
}

/** Of each first cancel: how many that come before it had not been sent by then. */
function overtaken(sent: readonly string[], expected: readonly string[]): number[] {
  return sent.map((each, at) => {
    const earlier = new Set(sent.slice(0, at));
    return expected.slice(0, expected.indexOf(each)).filter((other) => !earlier.has(other)).length;
  });
}

/** Of the cancels of every few actions the first is refused, lost or told to come again. */
function trouble(): (request: { route: string; id: string | undefined; nthOfId: number }) => Fault | undefined {
  return ({ route, id: each, nthOfId }) => {
    if (route !== 'cancel' || nthOfId > 1) return undefined;
    const n = Number.parseInt(each?.slice(-4) ?? '0', 16);
    if (n % 30 === 5) return { kind: 'too-many', seconds: 0 };
    if (n % 11 === 2) return { kind: 'status', status: 503, retryAfter: 0 };
    return n % 40 === 7 ? { kind: 'reset', applied: true } : undefined;
  };
}

describe.concurrent('the strict server sees the order that was asked for', () => {
  for (const concurrency of [1, 16]) {
    it(`the order is kept with ${concurrency} in flight, across interrupts, with refusals and repeats in between`, async () => {
      const { harness, expected } = await openIncident({ faults: trouble(), latencyMs: [5, 40] });
      await using _ = harness;
      const { log } = harness.sandbox;
      const args = ['--yes', '--concurrency', String(concurrency), '--confirm-for', '0'];
      const first = harness.start(['run', 'ids.txt', ...COMMENT, ...args, '--order', 'last-seen'], PATIENT);
      await log.until(() => log.count('cancel') >= 20);
      first.kill('SIGINT');
      expect((await first.ended).code).toBe(130);
      const second = harness.start(['resume', 'ledgers/ids.jsonl', '--confirm-for', '0'], PATIENT);
      await log.until(() => log.count('cancel') >= 40);
      second.kill('SIGKILL');
      await second.ended;
      const { code, stderr, stdout } = await harness.run(
        ['resume', 'ledgers/ids.jsonl', '--confirm-for', '0'],
        PATIENT,
      );

      expect(code, stderr).toBe(3);
      const sent = firstCancels(harness);
      expect(sent.toSorted()).toEqual(all);
      if (concurrency === 1) expect(sent).toEqual(expected);
      expect(Math.max(...overtaken(sent, expected))).toBeLessThan(concurrency);
      expect(stdout).toMatch(/Order +last-seen/);
      const records = await harness.records('ledgers/ids.jsonl');
      expect(only(records, 'start').map(({ order }) => order)).toEqual(['last-seen']);
      // One for each session, and each with its answer.
      const devices = only(records, 'intent').filter(({ route }) => route === 'machines');
      expect(devices).toHaveLength(3);
      const answers = only(records, 'reply').filter(({ call }) => devices.some((each) => each.call === call));
      expect(answers.map(({ http }) => http)).toEqual([200, 200, 200]);
    });
  }

  it('--first takes the first of the order, and its rest goes on in it', async () => {
    const { harness, expected } = await openIncident();
    await using _ = harness;
    const args = ['--yes', '--concurrency', '1', '--order', 'last-seen', '--first', '5'];
    const { code, stderr } = await harness.run(['run', 'ids.txt', ...COMMENT, ...args], PATIENT);
    expect(code, stderr).toBe(0);
    expect(stderr).toContain('The first 5: 5 cancelled');
    expect(firstCancels(harness)).toEqual(expected);
  });

  it('a priority goes before the order, and one that is no number is said', async () => {
    const { harness, expected } = await openIncident();
    await using _ = harness;
    const [last = '', other = ''] = expected.slice(-5);
    const cells: Record<string, string> = { [last]: '9', [other]: 'high', [id(4)]: '-1' };
    await harness.file('ids.csv', ['id,priority', ...all.map((each) => `${each},${cells[each] ?? ''}`)]);
    const args = ['--yes', '--concurrency', '1', '--order', 'last-seen', '--confirm-for', '0'];
    const { code, stderr } = await harness.run(['run', 'ids.csv', ...COMMENT, ...args]);
    expect(code, stderr).toBe(3);
    expect(stderr).toContain(`line ${all.indexOf(other) + 2}: the priority "high" is not a number and counts as 0`);
    const rest = expected.filter((each) => each !== last && each !== id(4));
    expect(firstCancels(harness)).toEqual([last, ...rest, id(4)]);
    const admitted = only(await harness.records('ledgers/ids.jsonl'), 'admit');
    expect(admitted.flatMap(({ priority }) => priority ?? []).sort()).toEqual([-1, 9]);
  });
});

describe.concurrent('an order that cannot be had', () => {
  it('an order whose devices may not be read is the source order, said by plan, run and report', async () => {
    const { harness } = await openIncident();
    await using _ = harness;
    harness.sandbox.access.readsDevices = false;
    const order = ['--order', 'last-seen'];
    const plan = await harness.run(['plan', 'ids.txt', '--json', ...order]);
    expect([plan.code, documentOf(plan.stdout).forecast?.order?.by]).toEqual([0, 'source']);
    const word = /--order last-seen needs the list of devices.*HTTP 403 Forbidden.*source order/;
    expect(plan.stderr).toMatch(word);
    const planned = await harness.run(['report', 'ledgers/ids.plan.jsonl']);
    expect(planned.stdout.replaceAll(/\s+/g, ' ')).toContain(
      'source; last-seen was asked for, and the devices could not be read',
    );

    const args = ['--yes', '--concurrency', '1', '--confirm-for', '0'];
    const run = await harness.run(['run', 'ids.txt', ...COMMENT, ...args, ...order]);
    expect(run.code, run.stderr).toBe(3);
    expect(run.stderr).toMatch(word);
    expect(firstCancels(harness)).toEqual(all);
    expect(only(await harness.records('ledgers/ids.jsonl'), 'start')[0]?.order).toBe('source');
    const report = await harness.run(['report', 'ledgers/ids.jsonl', '--json', '--html', 'report.html']);
    expect(documentOf(report.stdout).calls).toMatchObject({ machines: 1 });
    expect(await harness.read('report.html')).toContain('source; last-seen was asked for');
  });

  it('an order without lookups is the source order', async () => {
    const { harness } = await openIncident();
    await using _ = harness;
    const args = ['--yes', '--concurrency', '1', '--confirm-for', '0', '--screen', 'never'];
    const run = await harness.run(['run', 'ids.txt', ...COMMENT, ...args, '--order', 'newest']);
    expect(run.stderr).toContain('--order newest needs lookups, and --screen never disables them');
    expect(firstCancels(harness)).toEqual(all);
    expect(run.stdout.replaceAll(/\s+/g, ' ')).toContain(
      'source; newest was asked for, and actions were not looked up',
    );
  });

  it('an order that changes at a resume is recorded, and gone by from there', async () => {
    const { harness } = await openIncident({ latencyMs: 20 });
    await using _ = harness;
    const { log, store } = harness.sandbox;
    const args = ['--yes', '--concurrency', '1', '--confirm-for', '0'];
    const first = harness.start(['run', 'ids.txt', ...COMMENT, ...args]);
    await log.until(() => log.count('cancel') >= 10);
    first.kill('SIGINT');
    await first.ended;
    const before = firstCancels(harness);
    for (const [index, each] of all.entries()) {
      store.update(each, { creationDateTimeUtc: new Date(Date.now() - (COUNT - index) * 60_000).toISOString() });
    }
    const resumed = await harness.run(['resume', 'ledgers/ids.jsonl', '--order', 'newest', ...args]);
    expect(resumed.code, resumed.stderr).toBe(3);
    const records = await harness.records('ledgers/ids.jsonl');
    expect(only(records, 'start').map(({ order }) => order)).toEqual(['source', 'newest']);
    expect(before).toEqual(all.slice(0, before.length));
  });
});

it('a plan says how many actions are called when', async () => {
  await using harness = await openHarness({ actions, windows: '10/1m,50/1h' });
  await harness.file('ids.txt', all);
  const { stdout, stderr, code } = await harness.run(['plan', 'ids.txt', '--order', 'newest', '--json']);
  expect(code, stderr).toBe(0);
  const { by, firstMinute = 0, firstHour = 0, later = 0 } = documentOf(stdout).forecast?.order ?? {};
  expect([by, firstMinute + firstHour + later]).toEqual(['newest', COUNT]);
  // Two of the calls are lookups; the one that the plan has made is over within the minute.
  expect([8, 9]).toContain(firstMinute);
  expect([47, 48]).toContain(firstMinute + firstHour);
});

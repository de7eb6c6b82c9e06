import { describe, expect, it } from 'vitest';
import type { ActionBehaviour } from '../../src/sandbox/behaviours.ts';
import type { ActionSeed } from '../../src/sandbox/sandbox-action.ts';
import { type Harness, id, openHarness } from '../support/harness.ts';
import { namesIn, shownIn } from '../support/names-in-ledger.ts';

const ACTIONS: readonly [Partial<ActionSeed>, ActionBehaviour?][] = [
  [{ computerDnsName: 'dc01.zurich.example', requestor: 'Anna.Müller@zurich.example' }],
  [{ computerDnsName: 'kasse "7".zurich.example', requestor: 'ZURICH\\soc' }],
  [{ type: 'Unisolate', computerDnsName: 'hr-3.zurich.example' }],
  [{ status: 'Succeeded', computerDnsName: 'hr-4.zurich.example' }],
  [{ computerDnsName: 'hr-5.zurich.example' }, { onCancel: { kind: 'refused', http: 403, code: 'Forbidden' } }],
  [{ computerDnsName: 'hr-6.zurich.example' }, { onCancel: { kind: 'refused', http: 409, code: 'hr-6 is busy' } }],
];

async function setScene(): Promise<Harness> {
  const harness = await openHarness();
  for (const [index, [seed, behaviour]] of ACTIONS.entries())
    harness.sandbox.store.add({ id: id(index + 1), ...seed }, behaviour);
  const rows = [...ACTIONS.keys()].map((index) => `${id(index + 1)},"Für Anna, ${index}"`);
  await harness.file('zurich-wave.csv', ['id,comment', ...rows, 'the printer of Anna,', `${id(77)},`]);
  return harness;
}

const SESSIONS: readonly (readonly [what: string, args: readonly string[], exit: number])[] = [
  ['a plan', ['plan', 'zurich-wave.csv', '--ledger', 'a.jsonl'], 3],
  [
    'a run',
    ['run', 'zurich-wave.csv', '--ledger', 'a.jsonl', '--comment', 'ZRH-4711', '--yes', '--confirm-for', '6s'],
    3,
  ],
  [
    'a run that a guard stopped',
    [
      'run',
      'zurich-wave.csv',
      '--ledger',
      'a.jsonl',
      '--comment',
      'ZRH-4711',
      '--yes',
      '--max-actions',
      '2',
      '--only-machine',
      'hr-5.zurich.example',
    ],
    5,
  ],
];

describe.concurrent('report --redact', () => {
  it.each(SESSIONS)(
    'report --redact of the ledger of %s names nobody, is intact and reports the same numbers',
    async (_what, args, exit) => {
      await using harness = await setScene();
      const session = await harness.run(args);
      expect(session.code, session.stderr).toBe(exit);
      const before = await harness.read('a.jsonl');

      const { code, stderr } = await harness.run(['report', 'a.jsonl', '--redact', 'copy.jsonl']);
      expect(code, stderr).toBe(0);
      expect(stderr).toMatch(/Wrote .*copy\.jsonl: its names are tokens, and its chain is made anew/);
      expect(await harness.read('a.jsonl')).toBe(before);

      const names = namesIn(await harness.records('a.jsonl'));
      for (const name of ['zurich', 'anna', harness.folder, new URL(harness.sandbox.url).host]) names.add(name);
      expect(shownIn(await harness.read('copy.jsonl'), names)).toEqual([]);

      expect(await harness.run(['verify', 'copy.jsonl', '--offline'])).toMatchObject({ code: 0 });
      const document = async (ledger: string) => {
        const { counts, left, admitted, rejected, calls, needsRelease, exitCode } = JSON.parse(
          (await harness.run(['report', ledger, '--json'])).stdout,
        );
        return { counts, left, admitted, rejected, calls, needsRelease, exitCode };
      };
      expect(await document('copy.jsonl')).toEqual(await document('a.jsonl'));
      const text = await harness.run(['report', 'copy.jsonl']);
      expect(text.stdout).toContain('a copy with its names taken out, and its chain made anew');
      expect(text.stdout).not.toMatch(/countermand (run|resume|verify)/);
    },
  );

  it('a redacted copy is not gone on with, by nobody', async () => {
    await using harness = await setScene();
    await harness.run(['plan', 'zurich-wave.csv', '--ledger', 'a.jsonl']);
    await harness.run(['report', 'a.jsonl', '--redact', 'copy.jsonl']);
    const requests = harness.sandbox.log.entries.length;
    for (const args of [
      ['run', 'copy.jsonl', '--comment', 'x', '--yes'],
      ['resume', 'copy.jsonl', '--yes'],
      ['verify', 'copy.jsonl'],
    ]) {
      const { code, stderr } = await harness.run(args);
      expect([args[0], code]).toEqual([args[0], 2]);
      expect(stderr).toContain('is a copy of a ledger with its names taken out');
    }
    expect(harness.sandbox.log.entries.length).toBe(requests);
  });

  it('report --redact takes no ledger’s place, copies one ledger at a time, and a damaged one as far as it stands', async () => {
    await using harness = await setScene();
    await harness.run(['plan', 'zurich-wave.csv', '--ledger', 'a.jsonl']);
    await harness.run(['plan', 'zurich-wave.csv', '--ledger', 'b.jsonl']);
    const b = await harness.read('b.jsonl');
    const onto = await harness.run(['report', 'a.jsonl', '--redact', 'b.jsonl']);
    expect([onto.code, onto.stderr]).toEqual([2, expect.stringContaining('would overwrite a ledger')]);
    expect(await harness.read('b.jsonl')).toBe(b);
    const two = await harness.run(['report', 'a.jsonl', 'b.jsonl', '--redact', 'copy.jsonl']);
    expect([two.code, two.stderr]).toEqual([2, expect.stringContaining('copies one ledger')]);

    const lines = b.split('\n');
    await harness.file('c.jsonl', [...lines.slice(0, 4), 'something else']);
    expect(await harness.run(['report', 'c.jsonl', '--redact', 'copy.jsonl'])).toMatchObject({ code: 12 });
    expect((await harness.records('copy.jsonl')).length).toBe(4);
  });
});

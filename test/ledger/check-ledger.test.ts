import { expect, test } from 'vitest';
import { UsageError } from '../../src/errors.ts';
import { checkLedger } from '../../src/ledger/read-ledger.ts';
import { begin, id, makeHarness, PATH } from '../store/folder/harness.ts';
import { MemoryDisk } from '../store/folder/memory-disk.ts';

async function written(): Promise<{ lines: string[]; head: string; from: number; to: number }> {
  const { disk, clock, open } = makeHarness();
  const from = clock.wallMs();
  const ledger = await open();
  await begin(ledger, 5);
  clock.stand(5000);
  const call = await ledger.intent({ route: 'cancel', id: id(1), attempt: 1 });
  await ledger.reply({ call, ms: 5, http: 200 });
  await ledger.close('interrupted');
  const head = await ledger.head();
  const lines = (disk.files.get(PATH)?.bytes.toString() ?? '').split(/(?<=\n)/);
  return { lines, head, from, to: clock.wallMs() };
}

async function check(lines: readonly string[], head?: string) {
  const disk = new MemoryDisk();
  disk.files.set(PATH, { bytes: Buffer.from(lines.join('')), modifiedMs: 0, mode: 0o600 });
  return checkLedger(PATH, disk, head);
}

test('the check of an intact ledger says how many records it has, from when to when, and its head', async () => {
  const { lines, head, from, to } = await written();
  expect(await check(lines, head)).toEqual({
    records: 11,
    from,
    to,
    head,
    tornBytes: 0,
    fault: undefined,
    headFound: { kind: 'last' },
  });
  expect((await check(lines)).headFound).toBeUndefined();
  expect((await check(lines, head.toUpperCase())).headFound).toEqual({ kind: 'last' });
});

const DAMAGE: [string, number, (lines: string[]) => string[]][] = [
  ['a flipped byte', 4, (lines) => lines.with(3, (lines[3] ?? '').replace('admit', 'bdmit'))],
  ['a flipped byte in a chain value', 4, (lines) => lines.with(3, (lines[3] ?? '').replace(/(.)"}\n$/, 'g"}\n'))],
  ['a removed line', 4, (lines) => lines.toSpliced(3, 1)],
  ['two swapped lines', 4, (lines) => lines.with(3, lines[4] ?? '').with(4, lines[3] ?? '')],
  ['an added line', 5, (lines) => lines.toSpliced(4, 0, lines[3] ?? '')],
  ['a truncated middle', 4, (lines) => lines.toSpliced(3, 4)],
  ['a line cut short in the middle', 4, (lines) => lines.with(3, `${lines[3]?.slice(0, 60)}\n`)],
  ['two ledgers pasted together', 12, (lines) => [...lines, ...lines]],
  ['line ends of another system', 1, (lines) => lines.map((line) => line.replace('\n', '\r\n'))],
  ['an empty line', 4, (lines) => lines.toSpliced(3, 0, '\n')],
  ['a removed first line', 1, (lines) => lines.slice(1)],
];

test.each(DAMAGE)('%s is found, at line %i', async (_, line, damage) => {
  const { lines } = await written();
  const checked = await check(damage(lines));
  expect(checked.fault?.line).toBe(line);
  expect(checked.records).toBe(line - 1);
});

test('removed last lines are found by the head, and by it alone', async () => {
  const { lines, head } = await written();
  const cut = await check(lines.slice(0, -2), head);
  expect(cut.fault).toBeUndefined();
  expect(cut.headFound).toEqual({ kind: 'absent' });
});

test('a head noted before more was written is found at its line', async () => {
  const { lines } = await written();
  const { head } = await check(lines.slice(0, 7));
  expect((await check(lines, head)).headFound).toEqual({ kind: 'earlier', line: 7 });
});

test('a torn last line is no damage', async () => {
  const { lines } = await written();
  const checked = await check([...lines, '{"seq":12']);
  expect(checked).toMatchObject({ fault: undefined, records: 11, tornBytes: 9 });
});

test('a ledger that is not there is bad usage', async () => {
  await expect(checkLedger(PATH, new MemoryDisk())).rejects.toThrow(UsageError);
});

test.each([
  ['a list of IDs', 'id,comment\n5382f7ea-7557-4ab7-9782-d50480024a4e,x\n'],
  ['a report', '{\n  "run": "1",\n  "head": "2"\n}\n'],
  ['a page in one line', '<html></html>'],
  ['a large file of other bytes', 'x'.repeat(200_000)],
])('%s is no ledger, which is bad usage and not damage', async (_, text) => {
  await expect(check([text])).rejects.toThrow(UsageError);
  await expect(check([text])).rejects.toThrow(`${PATH} is not a ledger`);
});

test('a record beyond a long first line makes it a damaged ledger, wherever the chunks end', async () => {
  const { lines } = await written();
  for (const length of [65_500, 65_530, 65_536, 131_060]) {
    const checked = await check([`${'x'.repeat(length)}\n`, ...lines.slice(1)]);
    expect(checked.fault?.line).toBe(1);
  }
});

import { createHash } from 'node:crypto';

/** A record as a forger sees it: each name with the JSON text of its value, which need be neither canonical nor JSON. */
export type Forged = readonly (readonly [name: string, json: string])[];

/** The records of a ledger, without their chain values. */
export function recordsOf(ledger: string): Forged[] {
  return ledger
    .trimEnd()
    .split('\n')
    .map((line) => {
      const { chain: _, ...record } = JSON.parse(line) as Record<string, unknown>;
      return Object.entries(record).map(([name, value]) => [name, JSON.stringify(value)] as const);
    });
}

/** Its line up to the chain value. */
export function bodyOf(record: Forged): string {
  return `{${record.map(([name, json]) => `${JSON.stringify(name)}:${json}`).join(',')}`;
}

/** A ledger of these lines (each without its end), every chain value right: what anybody can make who knows the format. */
export function forge(bodies: readonly (string | Buffer)[]): Buffer {
  let chain = '';
  const lines: Buffer[] = [];
  for (const body of bodies) {
    const bytes = Buffer.from(body as string);
    chain = createHash('sha256').update(chain).update(bytes).digest('hex').slice(0, 32);
    lines.push(bytes, Buffer.from(`,"chain":"${chain}"}\n`));
  }
  return Buffer.concat(lines);
}

/** What a forger may put in the place of a value, as JSON text. */
export const ODD_VALUES: readonly string[] = [
  'null',
  'true',
  '0',
  '1',
  '7',
  '-1',
  '-0',
  '1.5',
  '1e3',
  '1e999',
  '-1e999',
  '9007199254740993',
  '12345678901234567890123',
  '8640000000000001',
  '""',
  '" "',
  '"x"',
  '"1"',
  '"NaN"',
  '"-1"',
  '"Infinity"',
  '"null"',
  '"constructor"',
  '"__proto__"',
  '"toString"',
  '[]',
  '{}',
  '[1]',
  '["5382f7ea-7557-4ab7-9782-d50480024a01"]',
  '{"length":36}',
  '{"toString":1}',
  '{"valueOf":null,"toString":null}',
  '"5382f7ea-7557-4ab7-9782-d50480024a01"',
  '"5382F7EA-7557-4AB7-9782-D50480024A01"',
  '"{5382f7ea-7557-4ab7-9782-d50480024a01}"',
  '" 5382f7ea-7557-4ab7-9782-d50480024a01"',
  '"5382f7ea75574ab79782d50480024a01"',
  '"../machines/0123456789abcdef0123456789abcdef01234567/offboard?"',
  '"5382f7ea-7557-4ab7-9782-d50480024a0%2f"',
  '"\\ud800"',
  '"x\\udc00y"',
  '"a\\u0000b"',
  '"\\u001b[2J"',
  '"2026-02-30T00:00:00.000Z"',
  '"2026-01-02T24:00:00.000Z"',
  '"2026-01-02T03:04:05Z"',
  '"+275760-09-13T00:00:00.001Z"',
  '"2026-01-02T03:04:05.000Z"',
  `"${'x'.repeat(100)}"`,
  `"${'x'.repeat(101)}"`,
  `"${'x'.repeat(256)}"`,
  `"${'x'.repeat(257)}"`,
  `"${'x'.repeat(1024)}"`,
  `"${'x'.repeat(1025)}"`,
  `"${'é'.repeat(300)}"`,
  `"${'x'.repeat(100_000)}"`,
  `${'['.repeat(10_000)}${']'.repeat(10_000)}`,
  `${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}`,
  '{"cancelled":-1}',
  '{"cancelled":"1"}',
  '{"__proto__":1}',
  '"cancel"',
  '"get"',
  '"list"',
  '"machines"',
  '"planned"',
  '"finished"',
  '"throttled"',
  '"yes"',
  '"source"',
  'undefined',
  '01',
  "'x'",
];

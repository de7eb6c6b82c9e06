import { readdir, readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { COMMENT, id, ids, openHarness } from '../support/harness.ts';

const PASSWORD = 'Pa55/w+rd of "the" proxy';
const HEADER = 'f1e2d3c4b5a697887766554433221100';
/** Spelt as a server may give them back. */
const SPELT = [PASSWORD, encodeURIComponent(PASSWORD), Buffer.from(`user:${PASSWORD}`).toString('base64'), HEADER];

describe('a secret of this session', () => {
  it('a secret of this session is in no record, output, log or sent comment, whoever gives it back', async () => {
    await using harness = await openHarness({
      actions: SPELT.map((secret, n) => ({
        id: id(n + 1),
        computerDnsName: `pc ${secret}`,
        requestor: `by ${secret}`,
        machineId: secret,
        requestorComment: `why ${secret}`,
      })),
      behaviours: {
        byId: { [id(2)]: { onCancel: { kind: 'refused', http: 409, code: `No ${PASSWORD}`, message: HEADER } } },
      },
    });
    const token = harness.env['COUNTERMAND_TOKEN'] ?? '';
    expect(token.split('.')).toHaveLength(3);
    // Nobody is asked by way of it: the sandbox is on loopback.
    const env = {
      IDENTITY_HEADER: HEADER,
      HTTPS_PROXY: `http://user:${encodeURIComponent(PASSWORD)}@127.0.0.1:9`,
      NO_PROXY: '127.0.0.1,localhost',
    };
    await harness.file('list.csv', [
      'id,comment',
      ...ids(4).map((each) => `${each},a comment of its own`),
      `${token},x`,
      `${HEADER} and so on,x`,
    ]);
    const outputs: string[] = [];
    for (const args of [
      ['list'],
      ['list', '--json'],
      ['plan', 'list.csv', ...COMMENT, '--ledger', 'plan.jsonl'],
      ['run', 'list.csv', ...COMMENT, '--yes', '--confirm-for', '0', '--log-level', 'trace', '--ledger', 'run.jsonl'],
      ['report', 'run.jsonl', '--json', '--out', 'out'],
      ['run', `nosuch-${HEADER}.csv`, ...COMMENT, '--yes'],
      ['run', 'list.csv', token, HEADER],
    ]) {
      const { code, stdout, stderr } = await harness.run(args, { env });
      expect(code, stderr).not.toBe(1);
      outputs.push(stdout, stderr);
    }
    for (const name of ['plan.jsonl', 'run.jsonl']) outputs.push(await readFile(harness.path(name), 'utf8'));
    for (const name of await readdir(harness.path('out')))
      outputs.push(await readFile(harness.path(`out/${name}`), 'utf8'));
    outputs.push(...harness.sandbox.log.entries.map(({ comment }) => comment ?? ''));
    const all = outputs.join('\n');
    for (const secret of [...SPELT, JSON.stringify(PASSWORD).slice(1, -1), ...token.split('.').slice(1)]) {
      expect(all).not.toContain(secret);
    }
    expect(all).toContain('pc [secret]');
  }, 120_000);
});

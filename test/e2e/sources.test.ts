import { describe, expect, it } from 'vitest';
import { COMMENT, type Harness, id, ids, only, open, openHarness } from '../support/harness.ts';

const [A, B] = [id(1), id(2)];

async function cancelled(harness: Harness, list: string, args: readonly string[] = []) {
  const end = await harness.run(['run', list, ...COMMENT, '--yes', '--json', ...args]);
  return { code: end.code, effective: harness.sandbox.log.effective().sort(), stderr: end.stderr };
}

describe.concurrent('a source as people have it', () => {
  it.each<[string, string, string]>([
    [
      "the portal's export",
      'a.csv',
      `Action center Export,25 Nov 2026 11:42 AM\r\nAction ID,Type\r\n${A},Isolate\r\n${B},Isolate\r\n`,
    ],
    ['rows in one cell', 'a.csv', `"id,""type"""\n"${A},""Isolate"""\n"${B},""Isolate"""\n`],
    ['az rest', 'a.json', JSON.stringify({ value: [{ id: A, commands: [] }, { id: B }] }, null, 2)],
    ['a JSON list', 'a.txt', JSON.stringify([A, B])],
    ['JSON Lines', 'a.ndjson', `{"id":"${A}"}\n{"id":"${B}"}\n`],
    ['what a chat made of it', 'a.txt', `\u200b“${A.replaceAll('-', '\u2011')}”\n="${B}"\n`],
  ])('a source as people have it is cancelled: %s', async (_, name, content) => {
    await using harness = await openHarness({ actions: open(3) });
    await harness.file(name, content);
    const { code, effective, stderr } = await cancelled(harness, name);
    expect({ code, effective }, stderr).toEqual({ code: 0, effective: [A, B] });
  });

  it('a source as people have it may be our own list --json, piped', async () => {
    await using harness = await openHarness({ actions: open(3) });
    const { code, stderr } = await harness.runShell(
      "countermand list --json | countermand run - --comment 'why not' --yes --json",
    );
    expect(code, stderr).toBe(0);
    expect(harness.sandbox.log.effective().sort()).toEqual(ids(3));
  });

  it('a source as people have it has what is no ID named in its ledger, with line and entry', async () => {
    await using harness = await openHarness({ actions: open(3) });
    await harness.file('a.json', `["${A}",\n{"machineId":"${B}"}]`);
    const { code, effective, stderr } = await cancelled(harness, 'a.json');
    expect({ code, effective }).toEqual({ code: 3, effective: [A] });
    // Before anything was sent.
    expect(stderr).toMatch(/Input +1 line without an action ID, line 2: it is left out/);
    const [reject] = only(await harness.records('ledgers/a.jsonl'), 'reject');
    expect(reject).toMatchObject({ line: 2, reason: 'not-an-id', text: `entry 2: {"machineId":"${B}"}` });
  });

  it.each<[string, string, string, RegExp]>([
    ['PowerShell objects', 'a.txt', `@{Id=${A}; Type=Isolate}\n`, /Select-Object -ExpandProperty Id/],
    ['JSON that is cut', 'a.json', `{"value":[{"id":"${A}"}`, /ends in the middle of its JSON/],
    ['a list of actions called a ledger', 'a.jsonl', `{"id":"${A}"}\n`, /not a ledger.*another name \(\.json\)/],
  ])('a source as people have it is refused with the remedy: %s', async (_, name, content, sentence) => {
    await using harness = await openHarness({ actions: open(1) });
    await harness.file(name, content);
    const { code, effective, stderr } = await cancelled(harness, name);
    expect({ code, effective }).toEqual({ code: 2, effective: [] });
    expect(stderr).toMatch(sentence);
  });

  it.each<[string, RegExp]>([
    [A, /is an action ID.*echo .* \| countermand run -/],
    [`https://security.microsoft.com/action-center?id=${A}`, /an address.*not guessed/],
  ])('a source as people have it is no file, which is said: %s', async (source, sentence) => {
    await using harness = await openHarness({ actions: open(1) });
    const { code, effective, stderr } = await cancelled(harness, source);
    expect({ code, effective }).toEqual({ code: 2, effective: [] });
    expect(stderr).toMatch(sentence);
  });

  it('a source as people have it is a job whose comment YAML cuts, which is said', async () => {
    await using harness = await openHarness({ actions: open(1) });
    await harness.file('ids.txt', [A]);
    await harness.file('a.yaml', 'source: {file: ids.txt}\ncomment: INC #1 x\n');
    const { code, stderr } = await harness.run(['run', 'a.yaml', '--yes', '--json']);
    expect(code).toBe(0);
    expect(stderr).toMatch(/a\.yaml:2:10 comment is .*INC.* without what follows the #/);
  });
});

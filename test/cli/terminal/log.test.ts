import { describe, expect, test } from 'vitest';
import { practiceTenant, sandboxToken } from '../../../src/sandbox/access.ts';
import { type Harness, openHarness } from '../../support/harness.ts';

const PENDING = { statuses: { Pending: 1 }, types: { RunAntiVirusScan: 1 } };
const RUN = ['run', 'ids.csv', '--yes', '--comment', 'test', '--confirm-for', '0'];

interface Line {
  level: string;
  time: string;
  msg: string;
  job?: string;
  run?: string;
  session?: number;
  [field: string]: unknown;
}

function linesOf(stderr: string): Line[] {
  return stderr
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Line);
}

async function harnessWith(count: number): Promise<Harness> {
  const harness = await openHarness({ windows: 'documented', actions: { count, mix: PENDING } });
  await harness.file('ids.csv', `id\n${[...harness.sandbox.store.all()].map(({ id }) => `${id}\n`).join('')}`);
  return harness;
}

/** Run and session of the last session in the ledger. */
async function opened(harness: Harness): Promise<{ run: string; session: number }> {
  const open = (await harness.read('ledgers/ids.jsonl')).split('\n').filter((line) => line.includes('"kind":"open"'));
  const { run, session } = JSON.parse(open.at(-1) ?? '{}') as { run: string; session: number };
  return { run, session };
}

describe('the log of a run', () => {
  test('the log of a run names job, run and session on every line, and has one line at its start and one at its end, with ledger, counts and exit code', async () => {
    await using harness = await harnessWith(2);
    harness.sandbox.faults.next({ kind: 'too-many', seconds: 1 }, { route: 'cancel' });
    const { stderr, code } = await harness.run([...RUN, '--log-level', 'trace']);
    const lines = linesOf(stderr);
    const about = { job: 'ids', ...(await opened(harness)) };
    expect(about.session).toBe(1);
    expect(lines.map(({ job, run, session }) => ({ job, run, session }))).toEqual(lines.map(() => about));
    expect(lines.map(({ msg }) => msg)).toContain('all calls pause');
    const ledger = harness.path('ledgers/ids.jsonl');
    const [started, ...others] = lines.filter(({ msg }) => msg === 'started' || msg === 'ended');
    expect(started).toMatchObject({ level: 'info', msg: 'started', ledger });
    expect(started).not.toHaveProperty('admitted');
    expect(others).toEqual([expect.objectContaining({ msg: 'ended', ledger, reason: 'finished', exitCode: code })]);
    expect(others[0]).toMatchObject({ counts: { unconfirmed: 2 } });
    for (const { level, time } of lines) {
      expect(level).toMatch(/^(trace|debug|info|warn)$/);
      expect(new Date(time).toISOString()).toBe(time);
    }
  });

  test('the log of a run says that the lock of a killed one is taken over, and from then on names the run and counts the session', async () => {
    await using harness = await harnessWith(3);
    await using killed = harness.start([...RUN, '--quota', '2/1h']);
    await harness.sandbox.log.until((log) => log.entries.some(({ route }) => route === 'cancel'));
    killed.kill('SIGKILL');
    await killed.ended;
    await using next = harness.start(['resume', 'ledgers/ids.jsonl', '--max-duration', '1s']);
    const { stderr } = await next.ended;
    const about = { job: 'ids', ...(await opened(harness)) };
    expect(about.session).toBe(2);
    const lines = linesOf(stderr);
    const taken = lines.findIndex(({ msg }) => msg.includes('taken over'));
    expect(taken).toBeGreaterThanOrEqual(0);
    expect(lines.slice(taken + 1).find(({ msg }) => msg === 'started')).toMatchObject({ ...about, admitted: 3 });
  });

  test('the log of a run says what --log-level lets, from the environment too', async () => {
    await using harness = await harnessWith(1);
    const silent = await harness.run([...RUN, '--log-level', 'error']);
    expect(linesOf(silent.stderr)).toEqual([]);
    const env = { COUNTERMAND_LOG_LEVEL: 'warn' };
    const again = await harness.run([...RUN, '--ledger', 'b.jsonl'], { env });
    expect(linesOf(again.stderr).filter(({ level }) => !['warn', 'error'].includes(level))).toEqual([]);
    const wrong = await harness.run([...RUN, '--log-level', 'loud']);
    expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining('--log-level must be one of trace')]);
  });

  test('the log of a run has its end also where the session ends without a summary', async () => {
    await using harness = await harnessWith(30);
    await using run = harness.start([...RUN, '--quota', '5/1s']);
    await harness.sandbox.log.until((log) => log.count('cancel') > 2);
    await harness.file('ledgers/ids.jsonl', '');
    const { stderr, code } = await run.ended;
    const ended = linesOf(stderr).filter(({ msg }) => msg === 'ended');
    expect(ended).toEqual([expect.objectContaining({ exitCode: code, job: 'ids', session: 1 })]);
    expect(code).toBe(6);
  });

  test('the log of a run is text where that is asked for, by flag or variable, and never another format', async () => {
    await using harness = await harnessWith(1);
    const flag = await harness.run([...RUN, '--log-format', 'text']);
    expect(linesOf(flag.stderr)).toEqual([]);
    expect(flag.stderr).toMatch(/^\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\] INFO: started \{"ledger":/m);
    expect(flag.stderr).not.toContain('\u001b');
    const env = { COUNTERMAND_LOG_FORMAT: 'json' };
    const again = await harness.run([...RUN, '--ledger', 'b.jsonl'], { env });
    expect(linesOf(again.stderr).map(({ msg }) => msg)).toContain('started');
    const wrong = await harness.run([...RUN], { env: { COUNTERMAND_LOG_FORMAT: 'jsn' } });
    expect([wrong.code, wrong.stderr]).toEqual([
      2,
      'countermand: COUNTERMAND_LOG_FORMAT must be one of auto, text, json (did you mean json?), not "jsn"\n',
    ]);
  });

  test('the log of a run never holds the token, at trace, through refusals and repeats', async () => {
    await using harness = await harnessWith(2);
    const token = sandboxToken({ tenant: practiceTenant });
    harness.sandbox.faults.next({ kind: 'unauthorized' }, { route: 'cancel', times: 9 });
    const given = [...RUN, '--log-level', 'trace', '--metrics-file', 'x.prom'];
    const { stdout, stderr } = await harness.run(given, { env: { COUNTERMAND_TOKEN: token } });
    const checked = await harness.run(['check', '--log-level', 'trace'], { env: { COUNTERMAND_TOKEN: token } });
    const all = [stdout, stderr, checked.stdout, checked.stderr, await harness.read('x.prom')].join('\n');
    for (const part of token.split('.').slice(1)) expect(all).not.toContain(part);
  });
});

import { createServer } from 'node:http';
import { expect, it } from 'vitest';
import { COMMENT, ids, openHarness } from '../support/harness.ts';

const HOUR = 3_600_000;

/** Defender that accepts every cancel, with a `Date` of its own. */
async function serverWithDate(): Promise<
  { url: string; posts: number; until(n: number): Promise<void>; date: string | undefined } & AsyncDisposable
> {
  const waiting: { n: number; resolve: () => void }[] = [];
  const server = createServer((request, response) => {
    response.sendDate = false;
    if (state.date !== undefined) response.setHeader('date', state.date);
    const id = /machineactions\/([^/]+)\/cancel/.exec(request.url ?? '')?.[1];
    if (request.method === 'POST' && id !== undefined) state.posts++;
    response.setHeader('content-type', 'application/json');
    response.end(id === undefined ? '{}' : JSON.stringify({ id, type: 'Isolate', status: 'Cancelled' }));
    for (const { n, resolve } of waiting) if (state.posts >= n) resolve();
  });
  const state = {
    url: '',
    posts: 0,
    date: undefined as string | undefined,
    until: (n: number) =>
      new Promise<void>((resolve) => {
        waiting.push({ n, resolve });
      }),
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  state.url = `http://127.0.0.1:${address.port}`;
  return state;
}

it.each<[string, () => string | undefined]>([
  ['two hours ahead', () => new Date(Date.now() + 2 * HOUR).toUTCString()],
  ['absent', () => undefined],
  ['in the year 9999', () => 'Fri, 31 Dec 9999 23:59:59 GMT'],
  ['two hours behind', () => new Date(Date.now() - 2 * HOUR).toUTCString()],
])('a Date that is %s at the next start frees no call of the minutes before', async (_, date) => {
  await using defender = await serverWithDate();
  await using harness = await openHarness({ actions: [] });
  await harness.file('ids.txt', ids(12));
  const env = { COUNTERMAND_API_URL: defender.url, COUNTERMAND_QUOTA: '4/10m' };
  defender.date = new Date().toUTCString();
  const sent = defender.until(4);
  const first = harness.start(['run', 'ids.txt', ...COMMENT, '--yes', '--screen', 'never'], { env });
  await sent;
  first.kill('SIGTERM');
  expect((await first.ended).code).toBe(143);
  expect(defender.posts).toBe(4);

  defender.date = date();
  const next = await harness.run(['resume', 'ledgers/ids.jsonl', '--max-duration', '1s'], { env });
  expect(next.code, next.stderr).toBe(6);
  expect(defender.posts).toBe(4);
});

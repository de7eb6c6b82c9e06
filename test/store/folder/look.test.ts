import { expect, test } from 'vitest';
import { silentLog } from '../../../src/log.ts';
import { FolderStore } from '../../../src/store/folder/folder-store.ts';
import { machine, makeHarness, PATH } from './harness.ts';

/** A ledger held by a process of this host, as another process sees it. */
async function held(host = 'host-1') {
  const harness = makeHarness();
  const { disk, clock } = harness;
  const alive = new Map([[7, 'start']]);
  await harness.open({ processes: machine(7, alive, host) });
  const store = new FolderStore({ disk, clock, log: silentLog, processes: machine(2, alive) });
  return { ...harness, store, alive };
}

test('the holder that a lock names is there until its process is gone, however old the lock is', async () => {
  const { store, clock, alive, disk } = await held();
  const { since } = JSON.parse(await disk.readText(`${PATH}.lock`)) as { since: string };
  expect(await store.holder(PATH)).toEqual({ pid: 7, host: 'host-1', since });
  await clock.advance(10 * 60_000);
  expect(await store.holder(PATH)).toMatchObject({ pid: 7 });
  alive.set(7, 'a later start');
  expect(await store.holder(PATH)).toBeUndefined();
});

test('a holder of another host counts until its lock was seen unrenewed for its whole life', async () => {
  const { store, clock, disk } = await held('host-2');
  const text = await disk.readText(`${PATH}.lock`);
  expect(await store.holder(PATH)).toMatchObject({ host: 'host-2' });
  clock.stand(59_999);
  expect(await store.holder(PATH)).toMatchObject({ host: 'host-2' });
  const file = disk.files.get(`${PATH}.lock`);
  if (file !== undefined) file.bytes = Buffer.from(text.replace(/"renewedAt":"[^"]*"/, '"renewedAt":"2099"'));
  expect(await store.holder(PATH)).toMatchObject({ host: 'host-2' });
  clock.stand(59_999);
  expect(await store.holder(PATH)).toMatchObject({ host: 'host-2' });
  clock.stand(1);
  expect(await store.holder(PATH)).toBeUndefined();
});

test.each([
  ['text that is no lock', 'somebody'],
  ['a lock without a host', JSON.stringify({ nonce: 'n', pid: 7, since: '2026-01-01T00:00:00.000Z' })],
  ['a lock without a time', JSON.stringify({ nonce: 'n', pid: 7, host: 'host-2', since: 'yesterday' })],
])('%s names nobody', async (_what, text) => {
  const { store, disk } = await held();
  const file = disk.files.get(`${PATH}.lock`);
  if (file !== undefined) file.bytes = Buffer.from(text);
  expect(await store.holder(PATH)).toBeUndefined();
});

import { expect, it, vi } from 'vitest';
import { makeLimiter } from '../../../src/quota/local/held-window.ts';
import { virtualTime } from '../../support/clock/virtual-time.ts';

it('no more jobs run at once than it was made for, and they start in their order', async () => {
  using time = virtualTime();
  const limiter = makeLimiter(2);
  const started: number[] = [];
  const ends: (() => void)[] = [];
  const jobs = [1, 2, 3, 4].map((number) =>
    limiter.schedule(() => {
      started.push(number);
      return new Promise<void>((end) => ends.push(end));
    }),
  );
  await time.pass(50);
  expect(started).toEqual([1, 2]);
  ends.shift()?.();
  await time.pass(50);
  expect(started).toEqual([1, 2, 3]);
  ends.shift()?.();
  await time.pass(50);
  expect(started).toEqual([1, 2, 3, 4]);
  for (const end of ends) end();
  let over = false;
  void Promise.all(jobs).then(() => {
    over = true;
  });
  await time.runUntil(() => over);
});

it.each([
  ['before its first job', 0],
  ['after it', 1],
])('jobs start at once although the wall clock was put back an hour %s', async (_, jobsBefore) => {
  using time = virtualTime();
  const limiter = makeLimiter(3);
  for (let job = 0; job < jobsBefore; job += 1) await Promise.all([limiter.schedule(async () => {}), time.pass(50)]);
  await time.pass(50);
  const realNow = Date.now;
  using _mock = { [Symbol.dispose]: vi.spyOn(Date, 'now').mockImplementation(() => realNow() - 3_600_000).mockRestore };
  const started: number[] = [];
  for (const job of [1, 2]) void limiter.schedule(() => Promise.resolve(started.push(job)));
  await time.pass(50);
  expect(started).toEqual([1, 2]);
});

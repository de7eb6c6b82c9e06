import { expect, it, vi } from 'vitest';
import { makeLimiter } from '../../../src/quota/local/limiter.ts';
import { virtualTime } from '../virtual-time.ts';

it('a job that may start now costs no timer, so that an hour of earlier calls is filled in at once', async () => {
  const limiter = makeLimiter(1000);
  const timers = vi.spyOn(globalThis, 'setTimeout');
  await Promise.all(Array.from({ length: 500 }, () => limiter.schedule(async () => {})));
  expect(timers).not.toHaveBeenCalled();
  timers.mockRestore();
});

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
  await time.runUntil(() => started.length === 2);
  ends.shift()?.();
  await time.runUntil(() => started.length === 3);
  expect(started).toEqual([1, 2, 3]);
  ends.shift()?.();
  await time.runUntil(() => started.length === 4);
  for (const end of ends) end();
  let over = false;
  void Promise.all(jobs).then(() => {
    over = true;
  });
  await time.runUntil(() => over);
});

it('what is listened to is still told', async () => {
  const limiter = makeLimiter(2);
  const done = vi.fn();
  limiter.on('done', done);
  await limiter.schedule(async () => {});
  expect(done).toHaveBeenCalledTimes(1);
});

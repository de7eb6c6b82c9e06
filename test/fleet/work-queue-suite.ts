import { describe, expect, test } from 'vitest';
import type { Claim, Settlement, WorkQueue } from '../../src/fleet/queue.ts';
import { newSubmission, type Submission } from '../../src/fleet/standing.ts';

/** A queue with nothing in it, as workers and people see it. */
export interface QueueUnderTest extends AsyncDisposable {
  /** One more worker's. */
  open(): Promise<WorkQueue>;
  submit(submission: Submission): Promise<boolean>;
  takeOut(run: string): Promise<boolean>;
  revive(run: string): Promise<boolean>;
  /** What is waited for, with the time that it takes. */
  until<T>(what: Promise<T>): Promise<T>;
}

interface Place {
  claim: Claim;
  settle(as: Settlement): void;
  fail(): void;
}

/** What every worker relies on, of any queue that hands runs out. */
export function workQueueSuite(name: string, make: () => Promise<QueueUnderTest>): void {
  describe(`a queue of runs: ${name}`, () => {
    test('a run stands in it once, and may come again when it is done', async () => {
      await using queue = await make();
      await using worker = await queue.until(queue.open());
      const places = makePlaces();
      await queue.until(worker.take({ places: 2, work: places.work }));
      expect(await queue.submit(one)).toBe(true);
      const first = await queue.until(places.next());
      expect(first.claim).toMatchObject({ submission: one, deaths: 0 });
      expect(await queue.submit(one)).toBe(false);
      first.settle({ kind: 'done', exitCode: 0 });
      await queue.until(taken(worker));
      expect(await queue.submit(one)).toBe(true);
    });

    test('what is to be done again comes as it was put back', async () => {
      await using queue = await make();
      await using worker = await queue.until(queue.open());
      const places = makePlaces();
      await queue.until(worker.take({ places: 1, work: places.work }));
      await queue.submit(one);
      const put = { ...one, waits: 1, takeovers: 2, idleTakeovers: 2, done: 7 };
      (await queue.until(places.next())).settle({ kind: 'again', afterMs: 0, submission: put });
      const again = await queue.until(places.next());
      expect(again.claim).toMatchObject({ submission: put, deaths: 0 });
      again.settle({ kind: 'done', exitCode: 0 });
    });

    test('a dead letter is handed out no more until it is taken up again, with nothing counted against it', async () => {
      await using queue = await make();
      await using worker = await queue.until(queue.open());
      const places = makePlaces();
      await queue.until(worker.take({ places: 1, work: places.work }));
      await queue.submit({ ...one, waits: 3, idleTakeovers: 2, takeovers: 4 });
      const dead: Settlement = { kind: 'dead-letter', exitCode: 4, reason: 'the sign-in was refused' };
      (await queue.until(places.next())).settle(dead);
      await queue.until(taken(worker));
      expect(await queue.revive('two')).toBe(false);
      expect(await queue.revive('one')).toBe(true);
      const again = await queue.until(places.next());
      expect(again.claim.submission).toEqual({ ...one, takeovers: 4 });
      again.settle({ kind: 'done', exitCode: 0 });
    });

    test('a run whose work throws comes again as one whose worker was lost', async () => {
      await using queue = await make();
      await using worker = await queue.until(queue.open());
      const places = makePlaces();
      await queue.until(worker.take({ places: 1, work: places.work }));
      await queue.submit(one);
      (await queue.until(places.next())).fail();
      const again = await queue.until(places.next());
      expect(again.claim).toMatchObject({ submission: one, deaths: 1 });
      again.settle({ kind: 'done', exitCode: 0 });
    });

    test('whoever has a run that is taken out of it hears of that, and cannot put it back', async () => {
      await using queue = await make();
      await using worker = await queue.until(queue.open());
      const places = makePlaces();
      await queue.until(worker.take({ places: 1, work: places.work }));
      await queue.submit(one);
      const { claim, settle } = await queue.until(places.next());
      expect(await queue.takeOut('one')).toBe(true);
      await queue.until(new Promise((resolve) => claim.signal.addEventListener('abort', resolve)));
      settle({ kind: 'again', afterMs: 0, submission: one });
      await queue.submit(newSubmission('two', 'tenant-1', {}));
      const next = await queue.until(places.next());
      expect(next.claim.submission.run).toBe('two');
      next.settle({ kind: 'done', exitCode: 0 });
      expect(await queue.takeOut('one')).toBe(false);
    });

    test('who leaves it gets no more, and is idle once what became of the last is told', async () => {
      await using queue = await make();
      await using worker = await queue.until(queue.open());
      await using other = await queue.until(queue.open());
      const [left, staying] = [makePlaces(), makePlaces()];
      await queue.until(worker.take({ places: 2, work: left.work }));
      await queue.submit(one);
      const last = await queue.until(left.next());
      const { idle } = worker.leave();
      await queue.until(other.take({ places: 2, work: staying.work }));
      await queue.submit(newSubmission('two', 'tenant-1', {}));
      (await queue.until(staying.next())).settle({ kind: 'done', exitCode: 0 });
      last.settle({ kind: 'again', afterMs: 0, submission: one });
      await queue.until(idle);
      const taken = await queue.until(staying.next());
      expect(taken.claim.submission.run).toBe('one');
      taken.settle({ kind: 'done', exitCode: 0 });
    });
  });
}

const one = newSubmission('one', 'tenant-1', {});

/** Until nothing is at work. */
async function taken(queue: WorkQueue): Promise<void> {
  while ((await queue.backlog()).runs['at-work'] > 0) await new Promise((resolve) => setTimeout(resolve, 20));
}

function makePlaces(): { next(): Promise<Place>; work(claim: Claim): Promise<Settlement> } {
  const there: Place[] = [];
  const asked: ((place: Place) => void)[] = [];
  return {
    next: () =>
      new Promise((resolve) => {
        const place = there.shift();
        if (place === undefined) asked.push(resolve);
        else resolve(place);
      }),
    work: (claim) =>
      new Promise((settle, reject) => {
        const place = { claim, settle, fail: () => reject(new Error('a bug in this run')) };
        const next = asked.shift();
        if (next === undefined) there.push(place);
        else next(place);
      }),
  };
}

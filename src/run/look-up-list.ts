import { LOOKUP_SIZE } from '../defender/routes.ts';
import { type ScreenedAll, screenAll } from '../engine/screen-all.ts';
import type { Connected } from './assemble.ts';
import type { Console } from './console.ts';
import { waits } from './progress-facts.ts';

/** Looks up the whole list and shows how far that is: 50,000 IDs are 500 calls, which the quota spreads over minutes. */
export async function lookUpList(
  { engine, quota }: Pick<Connected, 'engine' | 'quota'>,
  anew: boolean,
  console: Pick<Console, 'progress'>,
): Promise<ScreenedAll> {
  const { gate, clock, job } = engine;
  let looked = { done: 0, total: engine.ledger.state.actions.size };
  const read = () => {
    const calls = Math.ceil((looked.total - looked.done) / LOOKUP_SIZE);
    // One batch is looked up after the other.
    return {
      doing: 'looking up',
      ...looked,
      confirming: 0,
      outcomes: {},
      ...waits(
        { windows: quota.left(), gate, clock, job: { ...job, concurrency: 1 } },
        { calls, settlesMs: undefined },
        engine.ledger.state,
      ),
    };
  };
  using _progress = await console.progress(read);
  return await screenAll(engine, {
    anew,
    onLooked: (done, total) => {
      looked = { done, total };
    },
  });
}

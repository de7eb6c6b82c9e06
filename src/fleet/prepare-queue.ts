import type { NetworkStore } from '../store/network-store.ts';
import { bossOf, DEAD_LETTERS, QUEUE_SCHEMA, QUEUES, RUNS, TURNS } from './boss.ts';

/** A worker reads and writes rows, and makes nothing. */
const GRANTS = `
grant usage on schema ${QUEUE_SCHEMA} to countermand_worker;
grant select, insert, update, delete on all tables in schema ${QUEUE_SCHEMA} to countermand_worker;
grant usage, select on all sequences in schema ${QUEUE_SCHEMA} to countermand_worker;
grant execute on all functions in schema ${QUEUE_SCHEMA} to countermand_worker;
`;

/**
 * Makes pg-boss's tables in a store that is set up, or brings them to this version, and the queues in them: for `store init` alone. Safe to be done again.
 * Throws what {@link NetworkStore.trouble} makes of what the database says.
 */
export async function prepareQueue(store: NetworkStore): Promise<void> {
  const boss = bossOf(store, { migrate: true, max: 2, options: '-c role=countermand_owner' });
  // What it cannot do is thrown as well.
  boss.on('error', () => {});
  try {
    await boss.start();
    // The one that the other names comes first.
    for (const name of [DEAD_LETTERS, RUNS, TURNS] as const) {
      const { policy, ...settings } = QUEUES[name];
      await boss.createQueue(name, { policy, ...settings });
      const { deadLetter: _fixed, ...changeable } = { deadLetter: undefined, ...settings };
      await boss.updateQueue(name, changeable);
    }
    await boss.getDb().executeSql(GRANTS);
  } catch (error) {
    throw store.trouble(error);
  } finally {
    await boss.stop({ timeout: 60_000 });
  }
}

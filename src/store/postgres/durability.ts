import type { Database } from './database.ts';

const LOOK = `select current_setting('server_version') as version,
  current_setting('fsync') as fsync, current_setting('full_page_writes') as "fullPageWrites",
  (select count(*)::int from pg_stat_replication where sync_state is not null) as standbys,
  (select count(*)::int from pg_stat_replication where sync_state in ('sync', 'quorum')) as synchronous`;

interface Settings {
  version: string;
  fsync: string;
  fullPageWrites: string;
  standbys: number;
  synchronous: number;
}

export interface Durability {
  /** Of the server. */
  version: string;
  /** What could lose what was written, or does not work, as sentences with what to do. */
  faults: string[];
}

/**
 * What can be seen of a server that could lose what it has promised. What a run may lose with a commit is the knowledge of a call: it would be sent
 * twice. `synchronous_commit` is not among it: the functions ask for it themselves.
 */
export async function lookAtDurability(database: Database): Promise<Durability> {
  const [row] = await database.query<Settings>(LOOK);
  if (row === undefined) throw new Error('the server says nothing of its settings');
  const faults: string[] = [];
  if (row.fsync !== 'on') faults.push('fsync is off, so a crash loses what was written: switch it on');
  if (row.fullPageWrites !== 'on')
    faults.push('full_page_writes is off, so a crash may damage what was written: switch it on');
  if (row.standbys > 0 && row.synchronous === 0) {
    faults.push(
      'its standbys are asynchronous, so a failover loses the last commits: make one synchronous (synchronous_standby_names)',
    );
  }
  return { version: row.version, faults };
}

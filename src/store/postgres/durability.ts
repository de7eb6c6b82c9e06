import type { Database } from './database.ts';

const LOOK = `select current_setting('server_version') as version,
  current_setting('fsync') as fsync, current_setting('full_page_writes') as "fullPageWrites",
  current_setting('synchronous_commit') as "synchronousCommit",
  (select count(*)::int from pg_stat_replication where sync_state is not null) as standbys,
  (select count(*)::int from pg_stat_replication where sync_state in ('sync', 'quorum')) as synchronous`;

interface Settings {
  version: string;
  fsync: string;
  fullPageWrites: string;
  synchronousCommit: string;
  standbys: number;
  synchronous: number;
}

export interface Durability {
  /** Of the server. */
  version: string;
  /** What it says of how it keeps what it was told, in words. */
  settings: string;
  /** What could lose what was written, or does not work, as sentences with what to do. */
  faults: string[];
}

/**
 * What can be seen of a server that could lose what it has promised. What a run may lose with a commit is the knowledge of a call: it would be sent
 * twice. The functions ask for `synchronous_commit` themselves; a place where it is off is one where losing commits is thought to be right.
 */
export async function lookAtDurability(database: Database): Promise<Durability> {
  const [row] = await database.query<Settings>(LOOK);
  if (row === undefined) throw new Error('the server says nothing of its settings');
  const faults: string[] = [];
  if (row.fsync !== 'on') faults.push('fsync is off, so a crash loses what was written: switch it on');
  if (row.fullPageWrites !== 'on')
    faults.push('full_page_writes is off, so a crash may damage what was written: switch it on');
  if (row.synchronousCommit === 'off')
    faults.push('synchronous_commit is off, so a crash loses the last commits: switch it on for this database');
  if (row.standbys > 0 && row.synchronous === 0) {
    faults.push(
      'its standbys are asynchronous, so a failover loses the last commits: make one synchronous (synchronous_standby_names)',
    );
  }
  const { version, fsync, fullPageWrites, synchronousCommit, standbys, synchronous } = row;
  const settings = [
    `fsync ${fsync}, full_page_writes ${fullPageWrites}, synchronous_commit ${synchronousCommit}`,
    ...(standbys === 0 ? [] : [`${standbys} standbys, ${synchronous} of them synchronous`]),
  ].join(', ');
  return { version, settings, faults };
}

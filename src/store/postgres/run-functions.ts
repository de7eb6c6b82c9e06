import type { RunHolder } from '../store.ts';
import type { Database, Session } from './database.ts';

/** The schema's functions for runs, as TypeScript sees them. What they promise stands in migrations/001-runs.ts. */

/** A run as its holder knows it: nothing is written under another epoch. */
export interface HeldRun {
  /** Its UUID. */
  run: string;
  epoch: number;
}

export type HoldAnswer =
  | ({ outcome: 'held'; bytes: number; head: string } & HeldRun)
  | { outcome: 'busy'; holder: RunHolder | null; until: number }
  | { outcome: 'none' };

export interface HoldWish {
  name: string;
  /** The UUID of a run that is made, or whose first record is still to come. */
  newRun: string;
  /** Whether one is made where there is none. */
  create: boolean;
  holder: RunHolder;
  leaseMs: number;
}

export type AppendAnswer =
  | { outcome: 'written'; stop: boolean }
  | { outcome: 'taken'; holder: RunHolder | null }
  | { outcome: 'elsewhere'; bytes: number }
  | { outcome: 'gone' };

export async function holdRun(database: Session, wish: HoldWish): Promise<HoldAnswer> {
  const { name, newRun, create, holder, leaseMs } = wish;
  const values = [name, newRun, create, JSON.stringify(holder), leaseMs];
  return await answer(database, `select countermand.run_hold($1, $2, $3, $4, ${interval(5)}) as answer`, values);
}

export async function appendLines(
  database: Session,
  { run, epoch }: HeldRun,
  at: number,
  lines: Uint8Array,
  leaseMs: number,
): Promise<AppendAnswer> {
  const text = `select countermand.ledger_append($1, $2, $3, $4, ${interval(5)}) as answer`;
  return await answer(database, text, [run, epoch, at, lines, leaseMs]);
}

/** Of these, the ones that are still held, and whether somebody asked them to stop. */
export async function renewRuns(
  database: Session,
  held: readonly HeldRun[],
  leaseMs: number,
): Promise<{ run: string; stop: boolean }[]> {
  const values = [held.map(({ run }) => run), held.map(({ epoch }) => epoch), leaseMs];
  return await answer(database, `select countermand.run_renew($1, $2, ${interval(3)}) as answer`, values);
}

/** Says whose a run is, before its first record. */
export async function nameTenant(database: Session, { run, epoch }: HeldRun, tenant: string): Promise<void> {
  await database.query('select countermand.run_tenant($1, $2, $3)', [run, epoch, tenant]);
}

export async function releaseRun(database: Session, { run, epoch }: HeldRun): Promise<void> {
  await database.query('select countermand.run_release($1, $2)', [run, epoch]);
}

/** Asks whoever works on it to stop, who is returned; undefined when there is no such run. */
export async function stopRun(database: Session, name: string): Promise<{ holder: RunHolder | null } | undefined> {
  const asked: { holder: RunHolder | null } | null = await answer(
    database,
    'select countermand.run_stop($1) as answer',
    [name],
  );
  return asked ?? undefined;
}

/** The new run, held in the place of the old one; undefined when that was not held any more. */
export async function replaceRun(
  database: Session,
  { run, epoch }: HeldRun,
  { kept, newRun, tenant, leaseMs }: { kept: string; tenant: string } & Pick<HoldWish, 'newRun' | 'leaseMs'>,
): Promise<HeldRun | undefined> {
  const text = `select countermand.run_replace($1, $2, $3, $4, $5, ${interval(6)}) as answer`;
  const replaced: boolean = await answer(database, text, [run, epoch, kept, newRun, tenant, leaseMs]);
  return replaced ? { run: newRun, epoch: 1 } : undefined;
}

/** False when it was not held any more. The owner's right alone. */
export async function removeRun(database: Session, { run, epoch }: HeldRun): Promise<boolean> {
  return await answer(database, 'select countermand.run_remove($1, $2) as answer', [run, epoch]);
}

export interface RunRow {
  run: string;
  name: string;
  tenant: string;
  bytes: number;
  head: string;
  /** Epoch ms, by the database's clock. */
  modifiedMs: number;
  /** Undefined when nobody holds it by now. */
  holder: RunHolder | undefined;
}

const ROW = `select run, name, tenant, bytes::float8 as bytes, head, countermand.epoch_ms(modified) as "modifiedMs",
  case when lease_until > countermand.clock() then holder end as holder from countermand.run where bytes > 0`;

interface Asked {
  name: string;
  resolve: (row: RunRow | undefined) => void;
  reject: (reason: unknown) => void;
}

/** Who asks for single runs at the same moment: many, where a board of all is read. */
const asked = new WeakMap<Session, Asked[]>();

/** As it stands after the call. What is asked for in one turn of the loop is one statement. */
export async function runNamed(database: Session, name: string): Promise<RunRow | undefined> {
  return await new Promise((resolve, reject) => {
    const one = { name, resolve, reject };
    const others = asked.get(database);
    if (others !== undefined) {
      others.push(one);
      return;
    }
    const together = [one];
    asked.set(database, together);
    setImmediate(() => {
      asked.delete(database);
      void answerAll(database, together);
    });
  });
}

async function answerAll(database: Session, together: readonly Asked[]): Promise<void> {
  try {
    const found = await rows(database, `${ROW} and name = any($1)`, [together.map(({ name }) => name)]);
    const byName = new Map(found.map((row) => [row.name, row]));
    for (const { name, resolve } of together) resolve(byName.get(name));
  } catch (error) {
    for (const { reject } of together) reject(error);
  }
}

/** Those that somebody holds, by name. */
export async function runsHeld(database: Session): Promise<RunRow[]> {
  return await rows(database, `${ROW} and lease_until > countermand.clock() order by name collate "C"`, []);
}

/** Those whose names begin with these characters, by name. */
export async function runsBeginning(database: Session, beginning: string): Promise<RunRow[]> {
  return await rows(database, `${ROW} and left(name, length($1)) = $1 order by name collate "C"`, [beginning]);
}

async function rows(database: Session, text: string, values: readonly (string | string[])[]): Promise<RunRow[]> {
  const found = await database.query<Omit<RunRow, 'holder'> & { holder: RunHolder | null }>(text, values);
  return found.map(({ holder, ...row }) => ({ ...row, holder: holder ?? undefined }));
}

/** The parameter of this number (ms) as PostgreSQL's interval. */
function interval(parameter: number): string {
  return `$${parameter}::float8 * interval '1 ms'`;
}

async function answer<T>(database: Session, text: string, values: Parameters<Database['query']>[1]): Promise<T> {
  const [row] = await database.query<{ answer: T }>(text, values);
  if (row === undefined) throw new Error('a function of the store gave no answer');
  return row.answer;
}

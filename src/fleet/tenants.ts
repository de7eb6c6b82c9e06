import { resolve } from 'node:path';
import { oneLine } from '../clean.ts';
import type { CsvRow } from '../intake/csv-rows.ts';
import { type Flags, listOf, readSetting, show } from '../job/given-settings.ts';
import type { InsteadOfJob } from '../job/resolve-job.ts';
import { secretAdvice, secretNamed } from '../job/secrets.ts';
import type { Setting } from '../job/setting.ts';
import { SETTINGS, type SettingName, settingsThat } from '../job/settings.ts';
import { jobName } from '../job/values.ts';
import { nearestName } from '../suggest.ts';

/** One tenant of a campaign: what its row says beside the job. */
export interface TenantRow {
  /** Of the table, from 1. */
  line: number;
  /** GUID or domain, in lower case. */
  tenant: string;
  instead: InsteadOfJob;
  /** Its settings, which beat the job, as flags would. */
  flags: Flags;
}

export interface TableMistake {
  line: number;
  /** One line. */
  text: string;
}

/** Guards have the names of their job keys. */
const GUARDS = settingsThat(({ job }) => job?.startsWith('guards.'));

/** Columns that are settings, by their names. */
const SETTING_COLUMNS = new Map<string, SettingName>([
  ['tenant', 'tenant'],
  ['client', 'clientId'],
  ['region', 'region'],
  ['comment', 'comment'],
  ...GUARDS.map((name): [string, SettingName] => [(SETTINGS[name] as Setting).job ?? name, name]),
]);

/** Every column that a table of tenants may have. */
export const TENANT_COLUMNS: readonly string[] = ['tenant', 'name', 'source', ...SETTING_COLUMNS.keys()].filter(
  (name, index, all) => all.indexOf(name) === index,
);

/**
 * Reads a table of tenants, its header first: every mistake in it, with its line, and the rows that have none. Sources are from `folder` (absolute); an
 * empty cell is unset. What a cell holds is shown in a message, but under a column that is not known: that may be a secret.
 */
export function readTenants(
  table: readonly CsvRow[],
  folder: string,
): { tenants: TenantRow[]; mistakes: TableMistake[] } {
  const [header, ...rows] = table;
  if (header === undefined) return { tenants: [], mistakes: [{ line: 1, text: 'is empty: name the column tenant' }] };
  const columns = header.cells.map(columnNamed);
  const mistakes = headerMistakes(header, columns);
  if (mistakes.length === 0 && rows.length === 0) {
    mistakes.push({ line: header.line, text: 'has a header and no tenant below it' });
  }
  const tenants: TenantRow[] = [];
  const seen = new Map<string, number>();
  for (const row of rows) {
    const { found, texts } = readRow(row, columns, folder);
    for (const [column, value] of [
      ['tenant', found.tenant],
      ['name', found.instead.name],
    ] as const) {
      if (!value) continue;
      const key = `${column} ${value.toLowerCase()}`;
      const before = seen.get(key);
      if (before === undefined) seen.set(key, row.line);
      else texts.push(`${column} ${show(value)} stands in line ${before} already: keep one of the two`);
    }
    if (texts.length === 0) tenants.push(found);
    mistakes.push(...texts.map((text) => ({ line: row.line, text })));
  }
  return { tenants, mistakes };
}

/** As the table of columns spells it; undefined for another one. */
function columnNamed(cell: string): string | undefined {
  const given = cell.trim().toLowerCase();
  return TENANT_COLUMNS.find((known) => known.toLowerCase() === given);
}

function headerMistakes({ line, cells }: CsvRow, columns: readonly (string | undefined)[]): TableMistake[] {
  const texts = cells.flatMap((cell, index) => {
    const column = columns[index];
    if (column === undefined) return [unknownColumn(cell, index)];
    return columns.indexOf(column) === index ? [] : [`there are two columns ${column}: keep one`];
  });
  if (!columns.includes('tenant')) texts.push('there is no column tenant: add it, with the ID or a domain of each');
  return texts.map((text) => ({ line, text }));
}

function unknownColumn(cell: string, index: number): string {
  const name = oneLine(cell.trim(), 40);
  if (name === '') return `column ${index + 1} has no name`;
  const secret = secretNamed(name);
  if (secret !== undefined)
    return `${show(name)} has no place in a table, because it is a secret: ${secretAdvice(secret)}`;
  // A guard may be written without its section.
  const shortNames = TENANT_COLUMNS.map((column) => column.replace(/^.*\./, ''));
  const short = nearestName(name, shortNames);
  const near =
    nearestName(name, TENANT_COLUMNS) ?? TENANT_COLUMNS[short === undefined ? -1 : shortNames.indexOf(short)];
  const meant = near === undefined ? `; there are ${TENANT_COLUMNS.join(', ')}` : `: did you mean ${near}?`;
  return `there is no column ${show(name)}${meant}`;
}

function readRow(
  { line, cells }: CsvRow,
  columns: readonly (string | undefined)[],
  folder: string,
): { found: TenantRow; texts: string[] } {
  const texts: string[] = [];
  const flags: Record<string, unknown> = {};
  const instead: { source?: string; name?: string } = {};
  let tenant = '';
  if (cells.length > columns.length) {
    texts.push(
      `the row has ${cells.length} cells, and the header ${columns.length}: put a text with the delimiter in it in quotes`,
    );
  }
  for (const [index, column] of columns.entries()) {
    const cell = (cells[index] ?? '').trim();
    if (column === undefined || cell === '') continue;
    if (column === 'source') {
      if (cell === '-') texts.push('source is stdin, which a worker does not have: name a file');
      else instead.source = resolve(folder, cell);
      continue;
    }
    if (column === 'name') {
      const read = jobName().safeParse(cell);
      if (read.success) instead.name = read.data;
      else texts.push(`name must be ${read.error.issues[0]?.message}, not ${show(cell)}`);
      continue;
    }
    const name = SETTING_COLUMNS.get(column);
    if (name === undefined) continue;
    const { kind, flag }: Setting = SETTINGS[name];
    const given = kind === 'texts' ? listOf(cell) : cell;
    const read = readSetting(name, given);
    if ('problem' in read) texts.push(`${column} must be ${read.problem}`);
    else flags[flag] = given;
    if (name === 'tenant' && !('problem' in read)) tenant = String(read.value);
  }
  const isKnown = tenant !== '' || texts.some((text) => text.startsWith('tenant '));
  if (columns.includes('tenant') && !isKnown) texts.push('tenant is empty: give its ID, or one of its domains');
  return { found: { line, tenant, instead, flags }, texts };
}

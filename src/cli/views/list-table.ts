import { cleanLine } from '../../clean.ts';
import type { MachineAction } from '../../defender/entity.ts';
import type { Terminal } from '../../report/format.ts';

/** From here on there is room for the whole ID and for when. */
const WIDE = 112;
/** Enough of an ID to tell actions apart. */
const SHORT_ID = 8;
const GAP = 2;
const LEAST_DEVICE = 8;

/** Whether a table this wide has IDs that can be copied. */
export function showsWholeIds(columns: number): boolean {
  return columns >= WIDE;
}

/** Actions for a person at a terminal, in their order: a line each, of which only the device's name may be cut. Laid out here: there may be 100,000. */
export function listTable(actions: readonly MachineAction[], { columns, plain }: Terminal): string {
  const isWide = showsWholeIds(columns);
  const heads = ['ID', ...(isWide ? ['Created (UTC)'] : []), 'Type', 'Status', 'Device'];
  const rows = actions.map(({ id, type, status, computerDnsName, machineId, creationDateTimeUtc }) =>
    [
      isWide ? id : id.slice(0, SHORT_ID),
      ...(isWide ? [(creationDateTimeUtc ?? '').slice(0, 16).replace('T', ' ')] : []),
      type ?? '',
      status ?? '',
      computerDnsName ?? machineId ?? '',
    ].map(cleanLine),
  );
  const widths = heads.map((head, i) => rows.reduce((most, row) => Math.max(most, row[i]?.length ?? 0), head.length));
  const beside = widths.slice(0, -1).reduce((sum, width) => sum + width + GAP, 0);
  const room = Math.max(LEAST_DEVICE, columns - beside);
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, i) => (i < cells.length - 1 ? cell.padEnd((widths[i] ?? 0) + GAP) : cut(cell, room)))
      .join('')
      .trimEnd();
  return [line(heads), (plain ? '-' : '─').repeat(columns), ...rows.map(line)].join('\n');
}

function cut(text: string, room: number): string {
  return text.length > room ? `${text.slice(0, room - 1)}…` : text;
}

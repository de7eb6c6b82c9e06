import type { KnownFlags } from './check-arguments.ts';

/** A command and the flags that it takes. */
export interface FlagsOfCommand {
  name: string;
  /** With its positionals: `resume <ledger>`. */
  usage: string;
  flags: KnownFlags;
}

/** Says where a flag belongs that `own` does not take; undefined for one that no command takes. */
export function placeOfFlag(
  flag: string,
  own: Pick<FlagsOfCommand, 'name' | 'usage'>,
  all: readonly FlagsOfCommand[],
): string | undefined {
  const positional = /[<[]([^>\].]+)/.exec(own.usage)?.[1] ?? '';
  // `report` takes several: `ledgers`.
  if (flag === positional || `${flag}s` === positional)
    return `Give the ${flag} without a flag: countermand ${own.name} ${flag.toUpperCase()}.`;
  const takers = all.filter(({ name, flags }) => name !== own.name && Object.hasOwn(flags, flag));
  if (takers.length === 0) return undefined;
  return `It is a flag of ${listed(takers.map(({ name }) => name))}, and not of ${own.name}.`;
}

function listed(names: readonly string[]): string {
  const last = names.at(-1) ?? '';
  return names.length < 2 ? last : `${names.slice(0, -1).join(', ')} and ${last}`;
}

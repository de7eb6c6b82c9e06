import { UsageError } from '../../errors.ts';
import { variableOf } from '../../job/setting.ts';
import { SETTINGS } from '../../job/settings.ts';
import type { Context } from '../../run/console.ts';
import { isShared, type NetworkStore } from '../../store/network-store.ts';
import type { Args, Command } from '../command.ts';

/** The store that a command works on. */
export interface StoreAsked {
  url: string;
  /** What another command line says to come to it; nothing where the environment names it. */
  words: readonly string[];
}

/**
 * The store that a command works on; undefined for files. What ends in `.jsonl` is a file, whatever the environment says. Throws a UsageError
 * where the command line asks for both.
 */
export function storeAsked(args: Args, command: Command, env: Context['env']): StoreAsked | undefined {
  const { flag } = SETTINGS.store;
  if (!Object.hasOwn(command.options(), flag)) return undefined;
  const given = args[flag] === undefined ? undefined : String(args[flag]);
  const url = given ?? env[variableOf(flag)]?.trim();
  if (url === undefined || url === '') return undefined;
  const named = Object.keys(command.positionals ?? {}).flatMap((name) => args[name] ?? []);
  const file = command.readsFiles === true ? undefined : named.map(String).find((name) => /\.jsonl$/i.test(name));
  if (file === undefined) return { url, words: given === undefined ? [] : [`--${flag}`, given] };
  if (given === undefined) return undefined;
  throw new UsageError(
    `${file} is a file, and --store names a database: leave --store out, or import the file first with countermand store import.`,
  );
}

/** The database that a command needs. Throws a UsageError where files were meant. */
export function sharedStoreOf({ store }: Pick<Context, 'store'>): NetworkStore {
  if (isShared(store)) return store;
  throw new UsageError('Say which store: give --store postgres://USER@HOST/DATABASE, or set COUNTERMAND_STORE.');
}

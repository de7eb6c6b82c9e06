import { basename, extname, join, resolve } from 'node:path';
import { UsageError } from '../../errors.ts';
import { plural } from '../../report/format.ts';
import type { Context } from '../../run/console.ts';
import { isShared, type SharedStore } from '../../store/shared-store.ts';
import type { Command } from '../command.ts';
import { settingOptions } from '../flags/setting-flags.ts';
import { ledgerFiles } from '../machine.ts';

const ACTIONS = ['init', 'import', 'export'] as const;

export const store: Command = {
  usage: 'store <action> [names..]',
  describe:
    'Sets up a PostgreSQL database for runs (init), reads ledgers in byte for byte (import FILE…), and writes them out again (export NAME… --out DIR). ' +
    'A database is set up by a user who may make schemas and roles; runs need a member of countermand_worker.',
  positionals: {
    action: { describe: ACTIONS.join(', ') },
    names: { describe: 'files of ledgers to import, or names of runs to export', array: true },
  },
  readsFiles: true,
  options: () => ({
    ...settingOptions(['store']),
    out: {
      describe: 'with export: write NAME.jsonl into this folder',
      type: 'string',
      requiresArg: true,
      placeholder: 'DIR',
    },
  }),
  examples: [
    ['store init --store postgres://admin@db.example.com/runs', 'set it up'],
    ['store import ledgers/*.jsonl', 'from files, with COUNTERMAND_STORE set'],
    ['store export incident --out ledgers', 'and back'],
  ],
  run: async (args, context) => {
    const action = String(args['action']);
    const names = ((args['names'] ?? []) as unknown[]).map(String);
    const out = args['out'] === undefined ? undefined : String(args['out']);
    const shared = storeOf(context);
    refuseMisuse(action, names, out);
    if (action === 'init') await init(shared, context);
    for (const name of names) {
      if (out === undefined) await importFile(name, shared, context);
      else await exportRun(name, resolve(context.cwd, out), shared, context);
    }
    await context.delivered();
    return 0;
  },
};

function storeOf({ store: given }: Context): SharedStore {
  if (isShared(given)) return given;
  throw new UsageError('Say which store: give --store postgres://USER@HOST/DATABASE, or set COUNTERMAND_STORE.');
}

function refuseMisuse(action: string, names: readonly string[], out: string | undefined): void {
  if (!ACTIONS.some((each) => each === action)) {
    throw new UsageError(`store takes ${ACTIONS.join(', ')}, not ${JSON.stringify(action)}.`);
  }
  if (action === 'init' && names.length > 0) throw new UsageError('store init takes no names.');
  if (action !== 'init' && names.length === 0) {
    throw new UsageError(action === 'import' ? 'Name the files to import.' : 'Name the runs to export.');
  }
  if ((action === 'export') !== (out !== undefined)) {
    throw new UsageError('--out DIR belongs to store export, which needs it.');
  }
}

async function init(shared: SharedStore, { out, say }: Context): Promise<void> {
  const { applied, warnings } = await shared.init();
  for (const warning of warnings) say(`warning: ${warning}\n`);
  const what = applied.length === 0 ? 'was set up already' : 'is set up';
  out(`The store ${shared.where} ${what}. Grant countermand_worker to the users that run.\n`);
}

async function importFile(typed: string, shared: SharedStore, { cwd, out }: Context): Promise<void> {
  if (extname(typed).toLowerCase() !== '.jsonl') {
    throw new UsageError(`${typed} is not the file of a ledger: its name must end in .jsonl.`);
  }
  const name = basename(typed, extname(typed));
  const { what, records, tornBytes } = await shared.import(name, typed, ledgerFiles.at(cwd));
  const did = { new: 'was imported', extended: 'was brought up to the file', same: 'is the same already' }[what];
  const torn = tornBytes === 0 ? '' : `; ${plural(tornBytes, 'byte')} of a write that was cut off were left out`;
  out(`${name} ${did}: ${plural(records, 'record')}${torn}\n`);
}

async function exportRun(typed: string, folder: string, shared: SharedStore, { out }: Context): Promise<void> {
  const name = typed.replace(/^run:/, '');
  const path = join(folder, fileNameOf(name));
  const done = await shared.export(name, (bytes) => ledgerFiles.put(path, bytes));
  out(`${path} ${done.end === 'same' ? 'is the same already' : 'was written'}: ${plural(done.records, 'record')}\n`);
}

/** A run may be called anything; a file is not put outside of its folder for that. */
function fileNameOf(name: string): string {
  const parts = name.split('/');
  if (parts.some((part) => part === '' || part === '.' || part === '..' || part.includes('\\'))) {
    throw new UsageError(`The run ${JSON.stringify(name)} cannot be exported to a file of its name.`);
  }
  return `${name}.jsonl`;
}

import { basename, dirname, extname, join, resolve } from 'node:path';
import { DamageError, LockedError, UsageError } from '../../errors.ts';
import { duration } from '../../job/values.ts';
import { plural } from '../../report/format.ts';
import type { Context } from '../../run/console.ts';
import type { ImportedRun, NetworkStore } from '../../store/network-store.ts';
import type { Command } from '../command.ts';
import { settingOptions } from '../flags/setting-flags.ts';
import { sharedStoreOf } from '../flags/store-flag.ts';
import { ledgerFiles } from '../machine.ts';

const ACTIONS = ['init', 'import', 'export', 'prune'] as const;

export const store: Command = {
  usage: 'store <action> [names..]',
  describe:
    'Sets up a PostgreSQL database for runs (init), reads ledgers in byte for byte (import FILE…), writes them out again (export NAME… --out DIR), and ' +
    'removes finished runs (prune --keep TIME), which takes a member of countermand_owner. ' +
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
    keep: {
      describe: 'with prune: keep what was written to within this time',
      type: 'string',
      requiresArg: true,
      placeholder: 'TIME',
    },
  }),
  examples: [
    ['store init --store postgres://admin@db.example.com/runs', 'set it up'],
    ['store import ledgers/*.jsonl', 'from files, with COUNTERMAND_STORE set'],
    ['store export incident --out ledgers', 'and back'],
    ['store prune --keep 400d', 'remove what finished long ago'],
  ],
  run: async (args, context) => {
    const action = String(args['action']);
    const names = ((args['names'] ?? []) as unknown[]).map(String);
    const out = args['out'] === undefined ? undefined : String(args['out']);
    const shared = sharedStoreOf(context);
    refuseMisuse(action, names, { out, keep: args['keep'] });
    if (action === 'init') await init(shared, context);
    if (action === 'prune') await prune(shared, keptFor(args['keep']), context);
    const imports: Imports = { shared, context, asked: new Set() };
    for (const name of names) {
      if (out === undefined) await importFile(name, imports);
      else await exportRun(name, resolve(context.cwd, out), shared, context);
    }
    await context.delivered();
    return 0;
  },
};

function refuseMisuse(action: string, names: readonly string[], { out, keep }: { out: unknown; keep: unknown }): void {
  if (!ACTIONS.some((each) => each === action)) {
    throw new UsageError(`store takes ${ACTIONS.join(', ')}, not ${JSON.stringify(action)}.`);
  }
  const takesNames = action === 'import' || action === 'export';
  if (!takesNames && names.length > 0) throw new UsageError(`store ${action} takes no names.`);
  if (takesNames && names.length === 0) {
    throw new UsageError(action === 'import' ? 'Name the files to import.' : 'Name the runs to export.');
  }
  if ((action === 'export') !== (out !== undefined)) {
    throw new UsageError('--out DIR belongs to store export, which needs it.');
  }
  if ((action === 'prune') !== (keep !== undefined)) {
    throw new UsageError('--keep TIME belongs to store prune, which needs it.');
  }
}

async function init(shared: NetworkStore, { out, say }: Context): Promise<void> {
  const { applied, warnings } = await shared.init();
  const { prepareQueue } = await import('../../fleet/prepare-queue.ts');
  await prepareQueue(shared);
  for (const warning of warnings) say(`warning: ${warning}\n`);
  const what = applied.length === 0 ? 'was set up already' : 'is set up';
  out(`The store ${shared.where} ${what}. Grant countermand_worker to the users that run.\n`);
}

function keptFor(text: unknown): number {
  const parsed = duration().safeParse(String(text));
  if (parsed.success) return parsed.data;
  throw new UsageError(`--keep must be ${parsed.error.issues[0]?.message ?? 'a duration'}.`);
}

/** What is not finished may have work left, and stays however old it is. Calls still count when their ledger is gone. */
async function prune(shared: NetworkStore, keepMs: number, { out, say, clock }: Context): Promise<void> {
  let removed = 0;
  for (const { name, modifiedMs } of (await shared.list('')) ?? []) {
    if (clock.wallMs() - modifiedMs <= keepMs) continue;
    try {
      const end = await shared.remove(name, ({ state }) =>
        state.sessions.at(-1)?.closed?.reason === 'finished' ? undefined : 'its run is not finished',
      );
      if ('removed' in end) removed++;
      else say(`${name} is kept: ${end.kept}\n`);
    } catch (error) {
      if (!(error instanceof LockedError || error instanceof DamageError)) throw error;
      say(`${name} is kept: ${error.message}\n`);
    }
  }
  out(`${plural(removed, 'run')} removed.\n`);
}

interface Imports {
  shared: NetworkStore;
  context: Context;
  /** Folders that were asked for the calls of a sender. */
  asked: Set<string>;
}

async function importFile(typed: string, imports: Imports): Promise<void> {
  const { shared, context } = imports;
  const { cwd, out } = context;
  if (extname(typed).toLowerCase() !== '.jsonl') {
    throw new UsageError(`${typed} is not the file of a ledger: its name must end in .jsonl.`);
  }
  const name = basename(typed, extname(typed));
  if (extname(name).toLowerCase() === '.jsonl') {
    throw new UsageError(`No run is called ${name}, as a file is: rename ${typed}, then import it.`);
  }
  const { what, records, tornBytes, ...sent } = await shared.import(name, typed, ledgerFiles.at(cwd));
  const did = { new: 'was imported', extended: 'was brought up to the file', same: 'is the same already' }[what];
  const torn = tornBytes === 0 ? '' : `; ${plural(tornBytes, 'byte')} of a write that was cut off were left out`;
  out(`${name} ${did}: ${plural(records, 'record')}${torn}\n`);
  await rememberCalls(dirname(resolve(cwd, typed)), sent, imports);
}

/** A folder counts the calls of all its ledgers as a sender's, and the store from now on too: of those that are not imported as well. */
async function rememberCalls(
  folder: string,
  { senders, lookBackMs: withinMs }: Pick<ImportedRun, 'senders' | 'lookBackMs'>,
  { shared, context: { clock, log, say }, asked }: Imports,
): Promise<void> {
  let count = 0;
  for (const sender of senders) {
    const question = JSON.stringify([folder, withinMs, sender]);
    if (asked.has(question)) continue;
    asked.add(question);
    const ledgers = await ledgerFiles.calls(folder, sender, { withinMs, clock, log });
    count += await shared.remember(sender, withinMs, ledgers);
  }
  if (count > 0) say(`${plural(count, 'recent call')} of the ledgers in ${folder} now count in the store\n`);
}

async function exportRun(typed: string, folder: string, shared: NetworkStore, { out }: Context): Promise<void> {
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

import type { Command } from './command.ts';

export interface ListedCommand {
  name: string;
  /** With its positionals: `run <source>`. */
  usage: string;
  /** One line for the main help, and the first line of its own. */
  summary: string;
  /** A command's file is loaded only when it is needed. */
  load(): Promise<Command>;
}

/** Every command, in the order of its use. */
export const COMMANDS: readonly ListedCommand[] = [
  {
    name: 'plan',
    usage: 'plan <source>',
    summary: 'show what a run would do, without sending a cancel',
    load: async () => (await import('./commands/plan.ts')).plan,
  },
  {
    name: 'run',
    usage: 'run <source>',
    summary: 'cancel what the source names',
    load: async () => (await import('./commands/run.ts')).run,
  },
  {
    name: 'resume',
    usage: 'resume <ledger>',
    summary: 'continue an interrupted run (needs only its ledger)',
    load: async () => (await import('./commands/resume.ts')).resume,
  },
  {
    name: 'verify',
    usage: 'verify <ledger>',
    summary: "check a ledger's integrity, look up what is not final yet",
    load: async () => (await import('./commands/verify.ts')).verify,
  },
  {
    name: 'report',
    usage: 'report <ledgers..>',
    summary: 'report one run, or several as one',
    load: async () => (await import('./commands/report.ts')).report,
  },
  {
    name: 'status',
    usage: 'status [runs..]',
    summary: 'show every run here: how far, when it ends, what to do next',
    load: async () => (await import('./commands/status.ts')).status,
  },
  {
    name: 'list',
    usage: 'list',
    summary: 'list machine actions that match a filter, as CSV',
    load: async () => (await import('./commands/list.ts')).list,
  },
  {
    name: 'check',
    usage: 'check [job]',
    summary: 'tell what would stop a run, before it starts',
    load: async () => (await import('./commands/check.ts')).check,
  },
  {
    name: 'store',
    usage: 'store <action> [names..]',
    summary: 'set up a database for runs; import and export ledgers',
    load: async () => (await import('./commands/store.ts')).store,
  },
  {
    name: 'sandbox',
    usage: 'sandbox',
    summary: 'serve a local Defender to practise on',
    load: async () => (await import('./commands/sandbox.ts')).sandbox,
  },
  {
    name: 'demo',
    usage: 'demo',
    summary: 'show a whole run against a local Defender in half a minute',
    load: async () => (await import('./commands/demo.ts')).demo,
  },
];

/** What comes with the parser or is help itself. */
export const SMALL_COMMANDS = [
  { name: 'completion', usage: 'completion', summary: 'print a completion script for bash or zsh' },
  { name: 'help', usage: 'help [command]', summary: 'show the help of a command, or of `exit-codes`' },
  { name: 'version', usage: 'version', summary: 'show the version' },
] as const;

export const COMMAND_NAMES: readonly string[] = [...COMMANDS, ...SMALL_COMMANDS].map(({ name }) => name);

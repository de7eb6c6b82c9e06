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
    name: 'submit',
    usage: 'submit [sources..]',
    summary: 'put runs into the queue of a store, for workers',
    load: async () => (await import('./commands/submit.ts')).submit,
  },
  {
    name: 'worker',
    usage: 'worker',
    summary: 'carry out the runs that were submitted to a store',
    load: async () => (await import('./commands/worker.ts')).worker,
  },
  {
    name: 'campaign',
    usage: 'campaign <action> [sources..]',
    summary: 'plan and run one job over many tenants',
    load: async () => (await import('./commands/campaign.ts')).campaign,
  },
  {
    name: 'stop',
    usage: 'stop [run]',
    summary: 'ask the run of a store to stop; take a schedule away',
    load: async () => (await import('./commands/stop.ts')).stop,
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

/** The shells that `completion` writes a script for, each with the line that installs it and where that goes. */
export const SHELLS = {
  bash: ['eval "$(countermand completion bash)"', '~/.bashrc'],
  zsh: ['eval "$(countermand completion zsh)"', '~/.zshrc, after compinit'],
  fish: ['countermand completion fish | source', '~/.config/fish/config.fish'],
  powershell: ['countermand completion powershell | Out-String | iex', '$PROFILE'],
} as const satisfies Record<string, readonly [line: string, where: string]>;

export type Shell = keyof typeof SHELLS;

export const SHELL_NAMES = Object.keys(SHELLS) as readonly Shell[];

/** What needs no session: it is said at once. */
export const SMALL_COMMANDS = [
  { name: 'completion', usage: 'completion <shell>', summary: `print a completion script: ${SHELL_NAMES.join(', ')}` },
  { name: 'help', usage: 'help [command]', summary: 'show the help of a command, or of `exit-codes`' },
  { name: 'version', usage: 'version', summary: 'show the version, and what runs it' },
] as const;

export const COMMAND_NAMES: readonly string[] = [...COMMANDS, ...SMALL_COMMANDS].map(({ name }) => name);

/** What `help` takes that is no command. */
export const EXIT_CODES_TOPIC = 'exit-codes';

export const HELP_TOPICS: readonly string[] = [...COMMAND_NAMES, EXIT_CODES_TOPIC];

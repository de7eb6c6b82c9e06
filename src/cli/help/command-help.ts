import { CREDENTIAL_ORDER } from '../../identity/find-credential.ts';
import { type Command, type Flag, HELP_HEADS, type HelpHead } from '../command.ts';
import type { ListedCommand } from '../command-table.ts';
import { COMMON_FLAGS } from '../flags/check-arguments.ts';
import { paragraph, type Row, section, twoColumns } from './layout.ts';

/** Wide enough for most flags with their placeholders: `--created-before WHEN`. */
const FLAG_COLUMN = 23;

/** The help of one command: what it is, how it is written, what it does, its flags under their heads, examples. */
export function commandHelp({ name, usage, summary }: Omit<ListedCommand, 'load'>, command: Command): string {
  const flags = Object.entries<Flag>({ ...command.options(), ...COMMON_FLAGS });
  const takes = Object.entries(command.positionals ?? {}).map(([word, { describe }]): Row => [shown(word), describe]);
  const under = (head: HelpHead) => flags.filter(([, flag]) => (flag.head ?? 'Output') === head).map(rowOf);
  const examples = command.examples.map(([example, what]) => `  # ${what}\n  countermand ${example}`);
  return page([
    `countermand ${name}: ${summary}`,
    `Usage: countermand ${usageWords(usage)} [FLAGS]`,
    paragraph(command.describe),
    ...section('Arguments', twoColumns(takes, FLAG_COLUMN)),
    ...HELP_HEADS.flatMap((head) => {
      const more = head === 'Sign-in' && under(head).length > 0 ? `\n${signInVariables()}` : '';
      return section(head, twoColumns(under(head), FLAG_COLUMN), more);
    }),
    ...variablesNote(flags),
    ...section('Examples', examples.join('\n')),
    'Exit codes: countermand help exit-codes',
  ]);
}

/** The help of a command without flags of its own. */
export function smallHelp({ name, usage, summary }: Omit<ListedCommand, 'load'>, more: readonly string[]): string {
  return page([`countermand ${name}: ${summary}`, `Usage: countermand ${usageWords(usage)}`, ...more]);
}

export function page(parts: readonly string[]): string {
  return `${parts.join('\n\n')}\n`;
}

/** `run <source>` as a person reads it: `run SOURCE`. */
export function usageWords(usage: string): string {
  return usage.replace(/<([^>]+)>|\[([^\]]+)\]/g, (_all, needed?: string, optional?: string) =>
    needed === undefined ? `[${shown(optional ?? '')}]` : shown(needed),
  );
}

/** `ledgers..` is one or more of them: `LEDGER...`; a help that lists them names one. */
function shown(positional: string): string {
  return positional.replace(/^(ledger|run|name|source)s(\.\.)?$/, '$1...').toUpperCase();
}

function rowOf([name, { placeholder, describe, type, alias }]: readonly [string, Flag]): Row {
  const short = alias === undefined ? '' : `-${String(alias)}, `;
  const value = placeholder === undefined ? '' : ` ${placeholder}`;
  const again = type === 'array' ? ' [repeatable]' : '';
  return [`${short}--${name}${value}`, `${describe ?? ''}${again}`];
}

/** Where a value comes from that no flag gives; for commands that take settings. */
function variablesNote(flags: readonly (readonly [string, Flag])[]): string[] {
  const example = flags.find(([name, { variable }]) => variable !== undefined && !Object.hasOwn(COMMON_FLAGS, name));
  if (example === undefined) return [];
  const without = flags.filter(([name, { variable }]) => variable === undefined && !Object.hasOwn(COMMON_FLAGS, name));
  return [
    paragraph(
      `A flag that is not given is read from its variable, as --${example[0]} from ${example[1].variable}. These have none: ` +
        `${without.map(([name]) => `--${name}`).join(', ')}.`,
    ),
  ];
}

/** The variables of the credentials, by name, in the order in which they count. */
function signInVariables(): string {
  const rows = CREDENTIAL_ORDER.map(({ kind, variables, beside, onlyWhenAsked }, at): Row => {
    const names = variables.map((each) => each.join(' and ')).join(', or ');
    const more = beside === undefined ? '' : `, and ${beside}`;
    return [
      onlyWhenAsked ? `-  ${kind}` : `${at + 1}. ${kind}`,
      onlyWhenAsked ? `no variable: only --auth ${kind} asks for it` : `${names}${more}`,
    ];
  });
  const inFile = CREDENTIAL_ORDER.flatMap(({ variables, beside = [], inFile }) => [
    ...(inFile ? variables.flat() : []),
    ...[beside].flat(),
  ]);
  return [
    paragraph('The first of these that is set counts, unless --auth names a kind:', '  '),
    twoColumns(rows),
    paragraph(
      `${inFile.join(', ')}: or the same name with _FILE, for the path of a file that holds it. Secrets are never flags.`,
      '  ',
    ),
  ].join('\n');
}

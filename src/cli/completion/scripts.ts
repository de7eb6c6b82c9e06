import type { Shell } from '../command-table.ts';
import type { Completed, CompletedCommand, CompletedFlag, Offered } from './words.ts';

/**
 * A script that completes commands, flags, values and files, all of it written out: the shell asks nobody. Names and values come from our own tables
 * and have no blanks or quotes; what is said of them may have any.
 */
export function completionScript(shell: Shell, completed: Completed): string {
  return WRITERS[shell](completed);
}

const WRITERS: Readonly<Record<Shell, (completed: Completed) => string>> = {
  bash: bashScript,
  zsh: zshScript,
  fish: fishScript,
  powershell: powershellScript,
};

const names = (of: readonly { name: string }[]) => of.map(({ name }) => name);
const dashed = (flags: readonly CompletedFlag[]) => flags.map(({ name }) => `--${name}`);
/** As every shell here takes it but PowerShell, which doubles a quote. */
const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;

/** Each flag once, whatever command it belongs to, by what follows it. */
function byValue(commands: readonly CompletedCommand[]): Map<Offered, string[]> {
  const values = new Map<string, Offered>();
  for (const { flags } of commands) for (const { name, value } of flags) if (value) values.set(`--${name}`, value);
  const groups = new Map<Offered, string[]>();
  for (const [flag, value] of values) groups.set(value, [...(groups.get(value) ?? []), flag]);
  return groups;
}

/** Where a file goes the function offers nothing, and readline itself completes: it knows about blanks, `~` and folders. */
function bashScript({ commands, common }: Completed): string {
  const offer = (offered: Offered) => {
    if (offered === 'files') return 'return';
    if (offered === 'folders') return '_countermand_not_files; compopt -o dirnames 2>/dev/null; return';
    return offered === 'anything' ? '_countermand_not_files; return' : `offered='${offered.join(' ')}'`;
  };
  const values = [...byValue(commands)].map(([offered, flags]) => `    ${flags.join('|')}) ${offer(offered)} ;;`);
  const flags = commands.map(({ name, flags }) => `      ${name}) offered='${dashed(flags).join(' ')}' ;;`);
  const others = commands.flatMap(({ name, argument }) =>
    argument === undefined ? [] : [`      ${name}) ${offer(argument)} ;;`],
  );
  return `# countermand: completion for bash
_countermand_not_files() { compopt +o default 2>/dev/null; }
_countermand() {
  local word=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD-1]} command='' offered='' i
  # bash takes --flag=value apart at the "=".
  if [[ $word == = ]]; then word=''; elif [[ $before == = ]]; then before=\${COMP_WORDS[COMP_CWORD-2]}; fi
  for ((i = 1; i < COMP_CWORD; i++)); do
    case \${COMP_WORDS[i]} in
      ${names(commands).join('|')}) command=\${COMP_WORDS[i]}; break ;;
    esac
  done
  case $before in
${values.join('\n')}
    *) case $word in
    -*) case $command in
      '') offered='${dashed(common).join(' ')}' ;;
${flags.join('\n')}
    esac ;;
    *) case $command in
      '') offered='${names(commands).join(' ')}' ;;
${others.join('\n')}
    esac ;;
    esac ;;
  esac
  _countermand_not_files
  COMPREPLY=($(compgen -W "$offered" -- "$word"))
}
complete -o default -F _countermand countermand
`;
}

function zshScript({ commands, common }: Completed): string {
  const action = (offered: Offered) => {
    if (offered === 'files') return '_files';
    if (offered === 'folders') return '_files -/';
    return offered === 'anything' ? ' ' : `(${offered.join(' ')})`;
  };
  const escaped = (text: string) => text.replaceAll(/[\\:[\]]/g, '\\$&');
  const flag = ({ name, says, value, repeatable }: CompletedFlag) =>
    quoted(
      `${repeatable ? '*' : ''}--${name}${value === undefined ? '' : '='}[${escaped(says)}]${value === undefined ? '' : `:value:${action(value)}`}`,
    );
  const cases = commands.map(({ name, flags, argument }) => {
    const own =
      argument === undefined ? [] : [quoted(`*:${argument === 'files' ? 'file' : 'word'}:${action(argument)}`)];
    return `    ${name}) _arguments ${[...flags.map(flag), ...own].join(' \\\n      ')} ;;`;
  });
  const described = commands.map(({ name, says }) => quoted(`${name}:${says}`));
  return `#compdef countermand
# countermand: completion for zsh
_countermand() {
  local line state curcontext=$curcontext
  local -a commands=(${described.join('\n    ')})
  _arguments -C ${common.map(flag).join(' ')} \\
    '1: :->command' '*:: :->argument'
  case $state in
    command) _describe -t commands command commands ;;
    argument) case $words[1] in
${cases.join('\n')}
    esac ;;
  esac
}
# A file of $fpath is the function; where it was evaluated it has to be named.
if [[ $funcstack[1] == _countermand ]]; then _countermand "$@"; else compdef _countermand countermand; fi
`;
}

function fishScript({ commands, common }: Completed): string {
  const offer = (offered: Offered) => {
    if (offered === 'files') return '-r -F';
    if (offered === 'folders') return "-x -a '(__fish_complete_directories)'";
    return offered === 'anything' ? '-x' : `-x -a '${offered.join(' ')}'`;
  };
  const flagLine = (here: string, { name, says, value }: CompletedFlag) =>
    `${here} -l ${name}${value === undefined ? '' : ` ${offer(value)}`} -d ${quoted(says)}`;
  const first = 'complete -c countermand -n __countermand_is';
  const lines = commands.flatMap(({ name, says, flags, argument }) => {
    const here = `complete -c countermand -n '__countermand_is ${name}'`;
    return [
      `${first} -a ${name} -d ${quoted(says)}`,
      ...flags.map((flag) => flagLine(here, flag)),
      ...(argument === undefined ? [] : [argument === 'files' ? `${here} -F` : `${here} ${offer(argument)}`]),
    ];
  });
  return `# countermand: completion for fish
# Whether this is the command of the line; without an argument, whether there is none yet.
function __countermand_is
  for word in (commandline -opc)[2..-1]
    contains -- $word ${names(commands).join(' ')}; and begin; test "$word" = "$argv"; return; end
  end
  test -z "$argv"
end
complete -c countermand -e
complete -c countermand -f
${common.map((flag) => flagLine(first, flag)).join('\n')}
${lines.join('\n')}
`;
}

/** Where nothing is offered PowerShell completes files by itself. */
function powershellScript({ commands, common }: Completed): string {
  const list = (words: readonly string[]) => `@(${words.map((word) => `'${word}'`).join(', ')})`;
  const entry = (name: string, words: readonly string[]) => `    '${name}' = ${list(words)}`;
  const values = [...byValue(commands)].flatMap(([offered, flags]) =>
    flags.map((flag) => entry(flag, typeof offered === 'string' ? [] : offered)),
  );
  const words = commands.flatMap(({ name, argument }) =>
    argument === undefined || typeof argument === 'string' ? [] : [entry(name, argument)],
  );
  const says = commands.map(({ name, says }) => `    '${name}' = '${says.replaceAll("'", "''")}'`);
  return `# countermand: completion for PowerShell
Register-ArgumentCompleter -Native -CommandName countermand -ScriptBlock {
  param($word, $line, $cursor)
  $commands = [ordered]@{
${says.join('\n')}
  }
  $common = ${list(dashed(common))}
  $flags = @{
${commands.map(({ name, flags }) => entry(name, dashed(flags))).join('\n')}
  }
  $values = @{
${values.join('\n')}
  }
  $words = @{
${words.join('\n')}
  }
  $before = @($line.CommandElements | Where-Object { $_.Extent.EndOffset -lt $cursor } | ForEach-Object { "$_" })
  $command = $before | Select-Object -Skip 1 | Where-Object { $commands.Contains($_) } | Select-Object -First 1
  $last = $before | Select-Object -Last 1
  $offered = if ($values.ContainsKey($last)) { $values[$last] }
    elseif (-not $command) { if ($word -like '-*') { $common } else { $commands.Keys } }
    elseif ($word -like '-*') { $flags[$command] }
    else { $words[$command] }
  $offered | Where-Object { $_ -like "$word*" } | ForEach-Object {
    $says = if ($commands.Contains($_)) { $commands[$_] } else { $_ }
    [System.Management.Automation.CompletionResult]::new($_, $_, 'ParameterValue', $says)
  }
}
`;
}

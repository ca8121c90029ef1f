// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the placeholders are bash's own.
import type { Command } from 'commander';

/**
 * A script that completes the commands and options of a program, made from the commands themselves. For zsh it is the
 * same script behind zsh's own emulation of bash completion.
 */
export function formatCompletion(program: Command, shell: 'bash' | 'zsh'): string {
  const name = program.name();
  const cases = listCommands(program, []).map(
    ({ path, words }) => `    ${JSON.stringify(path)}) words=${JSON.stringify(words.join(' '))} ;;`,
  );
  const script = [
    `_${name}() {`,
    '  local path="" word words="" i',
    '  for ((i = 1; i < COMP_CWORD; i++)); do',
    '    word="${COMP_WORDS[i]}"',
    '    [[ "$word" == -* ]] || path="${path:+$path }$word"',
    '  done',
    '  case "$path" in',
    ...cases,
    '  esac',
    '  COMPREPLY=($(compgen -W "$words" -- "${COMP_WORDS[COMP_CWORD]}"))',
    '  ((${#COMPREPLY[@]})) || COMPREPLY=($(compgen -f -- "${COMP_WORDS[COMP_CWORD]}"))',
    '}',
    `complete -F _${name} ${name}`,
    '',
  ];
  const prologue = shell === 'zsh' ? ['autoload -U +X bashcompinit && bashcompinit'] : [];
  return [...prologue, ...script].join('\n');
}

/** Every command with what may follow it: its subcommands, its options and those of all. */
function listCommands(command: Command, path: readonly string[]): { path: string; words: string[] }[] {
  const children = command.commands.map((child) => child.name());
  const options = [...command.options, ...(command.parent?.options ?? [])].flatMap(({ long }) => long ?? []);
  const here = { path: path.join(' '), words: [...children, ...new Set(options), '--help'] };
  return [here, ...command.commands.flatMap((child) => listCommands(child, [...path, child.name()]))];
}

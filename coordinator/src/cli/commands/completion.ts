import { Argument, type Command } from 'commander';
import type { CliContext } from '../cli-context.ts';
import { formatCompletion } from '../format-completion.ts';
import { withExample } from '../with-options.ts';

/** `qfleet completion`: prints a script that completes commands and options. */
export function addCompletionCommand(program: Command, context: CliContext): void {
  const command = program
    .command('completion')
    .description('print a completion script for a shell')
    .addArgument(new Argument('<shell>', 'the shell that reads it').choices(['bash', 'zsh']))
    .action((shell: 'bash' | 'zsh') => void context.stdout.write(formatCompletion(program, shell)));
  withExample(command, 'source <(./qfleet completion bash)');
}

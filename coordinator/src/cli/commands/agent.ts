import type { Command } from 'commander';
import { agentCommand } from '../agent-command.ts';
import type { CliContext } from '../cli-context.ts';
import { runThrough } from '../run-through.ts';
import { withExample } from '../with-options.ts';

/** `qfleet probe` and `qfleet bench`: this machine by its own agent, without a coordinator. */
export function addAgentCommands(program: Command, context: CliContext): void {
  addPassThrough(program, context, {
    name: 'probe',
    description: 'this machine: inventory, clock, memory, caches, peak compute, storage, counters',
    example: './qfleet probe',
  });
  addPassThrough(program, context, {
    name: 'bench',
    description: 'time one model on this machine, without a coordinator',
    example: './qfleet bench mobilenetv2-7.onnx',
  });
}

/** What follows the name goes to `qfleet-agent` as it is; its exit code becomes ours. */
function addPassThrough(
  program: Command,
  context: CliContext,
  { name, description, example }: { name: string; description: string; example: string },
): void {
  const command = program
    .command(name)
    .description(description)
    .argument('[args...]', `what \`./qfleet-agent ${name} --help\` lists`)
    .allowUnknownOption()
    .allowExcessArguments()
    .action(async () => {
      const { file, args } = agentCommand(context.env);
      process.exitCode = await runThrough(context, file, [...args, name, ...argumentsAfter(name)]);
    });
  withExample(command, example);

  function argumentsAfter(word: string): string[] {
    const all = (program as Command & { rawArgs: readonly string[] }).rawArgs;
    return all.slice(all.indexOf(word) + 1);
  }
}

import type { Command } from 'commander';
import { removedSchema } from '../api/name-param.ts';
import { connectToCoordinator } from './api-client.ts';
import { type CliContext, type GlobalOptions, say } from './cli-context.ts';
import { formatBytes } from './output/format-value.ts';
import { parseAnswerFormat, printAnswer } from './output/print-answer.ts';
import { withAnswer, withExample } from './with-options.ts';

interface RemoveOptions extends GlobalOptions {
  readonly force?: boolean;
  readonly output?: string;
}

/** Adds `rm` to a group of commands: refused where something refers to the thing, unless `--force` takes that along. */
export function addRemoveCommand(
  group: Command,
  context: CliContext,
  about: {
    /** `<name>`, or `<model> <variant>`. */
    readonly args: string;
    readonly what: string;
    readonly example: string;
    readonly pathOf: (...names: string[]) => string;
  },
): void {
  const command = withAnswer(
    group
      .command(`rm ${about.args}`)
      .description(`remove ${about.what}; refused while something refers to it`)
      .option('--force', 'take along what cannot be without it, runs and their results too'),
  ).action(async () => {
    const options = command.optsWithGlobals<RemoveOptions>();
    parseAnswerFormat(options.output);
    const client = await connectToCoordinator(context, options);
    const names = command.args;
    const path = `${about.pathOf(...names.map(encodeURIComponent))}?force=${options.force === true}`;
    const removed = await client.delete(path, removedSchema);
    const along = removed.along.length > 0 ? `, with ${removed.along.join(' and ')}` : '';
    say(context, `Removed ${names.at(-1)}${along}. ${formatBytes(removed.freedBytes)} are free again.`);
    printAnswer(context, options, removed);
  });
  withExample(command, about.example);
}

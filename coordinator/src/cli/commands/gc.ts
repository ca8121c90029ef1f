import type { Command } from 'commander';
import type * as z from 'zod';
import { garbageSchema } from '../../api/routes/gc-routes.ts';
import { connectToCoordinator } from '../api-client.ts';
import { type CliContext, type GlobalOptions, say } from '../cli-context.ts';
import { formatBytes, shortDigest } from '../output/format-value.ts';
import { type Column, parseFormat, printRows } from '../output/print-rows.ts';
import { withExample, withOutput } from '../with-options.ts';

type Garbage = z.infer<typeof garbageSchema>['unused'][number];

interface GcOptions extends GlobalOptions {
  readonly output: string;
  readonly delete?: boolean;
}

/** `qfleet gc`: blobs that nothing refers to. */
export function addGcCommand(program: Command, context: CliContext): void {
  const command = withOutput(
    program.command('gc').description('find blobs that nothing refers to; remove them with --delete'),
  )
    .option('--delete', 'really remove them')
    .action(async () => {
      const options = command.optsWithGlobals<GcOptions>();
      const format = parseFormat(options.output);
      const client = await connectToCoordinator(context, options);
      const found = await client.post('/v1/gc', garbageSchema, { delete: options.delete === true });
      printRows(context, format, columns, found.unused);
      const { unused, unusedBytes, removedCount, removedBytes, keptCount, sparedCount } = found;
      say(context, `${keptCount} blobs are in use; ${sparedCount} are too young to go.`);
      if (options.delete) return say(context, `Removed ${removedCount}, ${formatBytes(removedBytes)}.`);
      say(context, `Would remove ${unused.length}, ${formatBytes(unusedBytes)}.`);
      if (unused.length > 0) say(context, 'Remove them with: ./qfleet gc --delete');
    });
  withExample(command, './qfleet gc --delete');
}

const columns: Column<Garbage>[] = [
  { title: 'digest', cell: ({ digest }) => shortDigest(digest), raw: ({ digest }) => digest },
  {
    title: 'size',
    align: 'right',
    cell: ({ sizeBytes }) => formatBytes(sizeBytes),
    raw: ({ sizeBytes }) => sizeBytes,
  },
];

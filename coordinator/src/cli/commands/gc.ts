import { type Command, Option } from 'commander';
import type * as z from 'zod';
import { garbageSchema } from '../../api/routes/gc-routes.ts';
import { connectToCoordinator } from '../api-client.ts';
import { type CliContext, type GlobalOptions, say } from '../cli-context.ts';
import { formatBytes, shortDigest } from '../output/format-value.ts';
import { type Column, parseFormat, printRows } from '../output/print-rows.ts';
import { withExample, withOutput } from '../with-options.ts';

interface GcOptions extends GlobalOptions {
  readonly output: string;
  readonly dryRun?: boolean;
}

/** What goes, or would go: one row of the table. */
interface Row {
  readonly kind: 'derived dataset' | 'blob' | 'kept figures';
  readonly what: string;
  readonly sizeBytes?: number;
}

/** `qfleet gc`: frees what nothing needs any more. */
export function addGcCommand(program: Command, context: CliContext): void {
  const command = withOutput(
    program
      .command('gc')
      .description(
        'remove what nothing needs any more: derived datasets, blobs, kept statistics and summaries',
      ),
  )
    .option('--dry-run', 'only say what would go')
    .addOption(new Option('--delete', 'what it does anyway').hideHelp())
    .action(async () => {
      const options = command.optsWithGlobals<GcOptions>();
      const format = parseFormat(options.output);
      const client = await connectToCoordinator(context, options);
      const found = await client.post('/v1/gc', garbageSchema, { delete: options.dryRun !== true });
      if (format === 'json') context.stdout.write(`${JSON.stringify(found, null, 2)}\n`);
      else printRows(context, format, columns, rowsOf(found));
      const { unusedBytes, files, freedBytes, keptCount, sparedCount, sparedBytes } = found;
      say(context, `${keptCount} blobs are in use.`);
      if (sparedCount > 0)
        say(
          context,
          `${sparedCount} more (${formatBytes(sparedBytes)}) were used within the last hour, or since an unfinished task began; they go later.`,
        );
      if (!options.dryRun) return say(context, `Freed ${formatBytes(freedBytes)}.`);
      const fileBytes = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
      say(context, `Would free ${formatBytes(unusedBytes + fileBytes)}. Free them with: ./qfleet gc`);
    });
  withExample(command, './qfleet gc --dry-run');
}

function rowsOf({ derivedDatasets, unused, files }: z.infer<typeof garbageSchema>): Row[] {
  return [
    ...derivedDatasets.map(({ name }): Row => ({ kind: 'derived dataset', what: name })),
    ...unused.map(({ digest, sizeBytes }): Row => ({ kind: 'blob', what: shortDigest(digest), sizeBytes })),
    ...files.map(({ path, sizeBytes }): Row => ({ kind: 'kept figures', what: path, sizeBytes })),
  ];
}

const columns: Column<Row>[] = [
  { title: 'kind', cell: ({ kind }) => kind },
  { title: 'what', cell: ({ what }) => what },
  {
    title: 'size',
    align: 'right',
    cell: ({ sizeBytes }) => (sizeBytes === undefined ? 'its blobs' : formatBytes(sizeBytes)),
    raw: ({ sizeBytes }) => sizeBytes,
  },
];

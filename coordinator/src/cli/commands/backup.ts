import { resolve } from 'node:path';
import { QfleetError } from '@qfleet/shared/errors.ts';
import type { Command } from 'commander';
import { backupSchema } from '../../api/routes/backup-routes.ts';
import type { Backup } from '../../backup/create-backup.ts';
import { readVersion } from '../../main/read-version.ts';
import { resolveDataDir } from '../../main/resolve-data-dir.ts';
import { connectToCoordinator } from '../api-client.ts';
import { type CliContext, type GlobalOptions, say } from '../cli-context.ts';
import { formatBytes } from '../output/format-value.ts';
import { parseFormat, printFacts } from '../output/print-rows.ts';
import { withExample, withOutput } from '../with-options.ts';

interface BackupOptions extends GlobalOptions {
  readonly output: string;
  readonly blobs?: boolean;
}

/** `qfleet backup`: a consistent copy of the data folder, with its coordinator at work or without one. */
export function addBackupCommand(program: Command, context: CliContext): void {
  const command = withOutput(
    program
      .command('backup <folder>')
      .description('copy the database, the keys and the list of blobs into a new folder'),
  )
    .option('--blobs', 'copy the blobs too; without it, copy the folder blobs yourself, it only grows')
    .action(async (folder: string) => {
      const options = command.optsWithGlobals<BackupOptions>();
      const format = parseFormat(options.output);
      const order = { outDir: resolve(context.cwd, folder), withBlobs: options.blobs === true };
      const made = await back(context, options, order);
      printFacts(context, format, made, [
        ['folder', order.outDir],
        ['database', formatBytes(made.databaseBytes)],
        [
          'blobs',
          `${made.blobs}, ${formatBytes(made.blobBytes)}${made.withBlobs ? '' : ', listed in blobs.txt'}`,
        ],
      ]);
      if (made.missingBlobs > 0)
        say(context, `Warning: ${made.missingBlobs} blobs are missing in the data folder.`);
      say(context, 'It holds the key that all devices trust: keep it where nobody else can read it.');
    });
  withExample(command, './qfleet backup ../backup-monday --blobs');
}

/** By the coordinator where one is at work, else here, as the data folder's owner. */
async function back(
  context: CliContext,
  options: BackupOptions,
  order: { readonly outDir: string; readonly withBlobs: boolean },
): Promise<Backup> {
  try {
    const client = await connectToCoordinator(context, options);
    const body = { path: order.outDir, withBlobs: order.withBlobs };
    return await client.post('/v1/backups', backupSchema, body);
  } catch (thrown) {
    if (!(thrown instanceof QfleetError) || thrown.code !== 'no-coordinator') throw thrown;
  }
  const dataDir = resolveDataDir({ flag: options.data, env: context.env, cwd: context.cwd });
  const { backUpAtRest } = await import('../../backup/back-up-at-rest.ts');
  return backUpAtRest({ ...order, dataDir, version: readVersion(), signal: context.signal });
}

import { writeFile } from 'node:fs/promises';
import { extname, resolve } from 'node:path';
import { QfleetError } from '@qfleet/shared/errors.ts';
import type { Command } from 'commander';
import { reportSchema } from '../../report/report.ts';
import { type ApiClient, connectToCoordinator } from '../api-client.ts';
import { type CliContext, type GlobalOptions, say } from '../cli-context.ts';
import { withExample } from '../with-options.ts';
import { saveBundle } from './bundle.ts';

const formats = ['table', 'md', 'json', 'csv', 'html', 'parquet'];

/** Other endings of files in these formats. */
const endings: Readonly<Record<string, string>> = { txt: 'table', markdown: 'md', htm: 'html' };

interface ReportOptions extends GlobalOptions {
  readonly output?: string;
  readonly out?: string;
  readonly bundle?: string;
}

/** `qfleet report`: what a run found. */
export function addReportCommand(program: Command, context: CliContext): void {
  const command = program
    .command('report [run]')
    .description('the cross-device report of a run (default: latest)')
    .option(
      '-o, --output <format>',
      'table, md, json, csv, html or parquet (default: by the ending of --out, else table)',
    )
    .option('--out <file>', 'write it there instead of standard output')
    .option('--bundle <file>', 'write the evidence that it was computed from there, for ./qfleet verify')
    .action(async (run = 'latest') => {
      const options = command.optsWithGlobals<ReportOptions>();
      const format = chooseFormat(options);
      const client = await connectToCoordinator(context, options);
      if (options.bundle !== undefined) await saveBundle(context, client, { run, out: options.bundle });
      if (format === 'parquet') return writeParquet(context, client, { run, out: options.out });
      const text = await client.getText(`/v1/runs/${encodeURIComponent(run)}/report?format=${format}`);
      if (options.out === undefined)
        return void context.stdout.write(text.endsWith('\n') ? text : `${text}\n`);
      const path = resolve(context.cwd, options.out);
      await writeFile(path, text);
      say(context, `Wrote ${path}`);
    });
  withExample(command, './qfleet report latest --out report.html');
}

/** Made here of the JSON: bytes for other programs belong into a file. */
async function writeParquet(
  context: CliContext,
  client: ApiClient,
  { run, out }: { readonly run: string; readonly out: string | undefined },
): Promise<void> {
  if (out === undefined) {
    throw new QfleetError('usage', 'Parquet is written to a file.', {
      hint: 'Name one: --out report.parquet',
    });
  }
  const { formatParquet } = await import('../../report/format-parquet.ts');
  const json = await client.getText(`/v1/runs/${encodeURIComponent(run)}/report?format=json`);
  const path = resolve(context.cwd, out);
  await writeFile(path, formatParquet(reportSchema.parse(JSON.parse(json))));
  say(context, `Wrote ${path}`);
}

/** By `-o`, else by the ending of the file; a name without one, or with `.txt`, gets the table. */
function chooseFormat({ output, out }: ReportOptions): string {
  const ending = out === undefined ? undefined : extname(out).slice(1).toLowerCase();
  const format = output ?? (ending ? (endings[ending] ?? ending) : 'table');
  if (formats.includes(format)) return format;
  if (output === undefined) {
    const known = [...formats.filter((one) => one !== 'table'), ...Object.keys(endings)];
    throw new QfleetError('usage', `There is no report in the format of ${out}.`, {
      hint: `Endings that are known: ${known.map((one) => `.${one}`).join(', ')}; or choose a format with -o.`,
    });
  }
  throw new QfleetError('usage', `Expected -o ${formats.join(', ')}, got "${format}".`);
}

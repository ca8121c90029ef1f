import { writeFile } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { QfleetError } from '@qfleet/shared/errors.ts';
import type { Command } from 'commander';
import * as z from 'zod';
import { type ImportRecord, importRecordSchema } from '../../imports/import-record.ts';
import { type BandwidthLogs, type ImportKind, importKinds } from '../../imports/import-set.ts';
import { addRemoveCommand } from '../add-remove-command.ts';
import { connectToCoordinator } from '../api-client.ts';
import { type CliContext, type GlobalOptions, say } from '../cli-context.ts';
import { formatTime } from '../output/format-value.ts';
import { parseAnswerFormat, printAnswer } from '../output/print-answer.ts';
import { type Column, parseFormat, printRows } from '../output/print-rows.ts';
import { withAnswer, withExample, withOutput } from '../with-options.ts';

interface ImportOptions extends GlobalOptions {
  readonly name?: string;
  readonly report?: string;
  readonly bandwidth: BandwidthLogs;
  readonly output: string;
}

/** `qfleet import …`: measurements that others published, in the same analysis. */
export function addImportCommands(program: Command, context: CliContext): void {
  const imported = program
    .command('import')
    .description('measurements that others published: mlperf, ncnn, aihub, trtexec; ls lists them');
  withExample(imported, './qfleet import mlperf submissions.tar.gz, then: ./qfleet report submissions');
  for (const kind of importKinds) addKind(imported, context, kind);
  addList(imported, context);
  addRemoveCommand(imported, context, {
    args: '<name>',
    what: 'an import',
    example: './qfleet import rm submissions',
    pathOf: (name) => `/v1/imports/${name}`,
  });
}

const descriptions: Readonly<Record<ImportKind, string>> = {
  mlperf: 'MLPerf Inference submissions: LoadGen’s summaries and accuracy files, a folder or archive',
  ncnn: 'the README.md of ncnn’s benchmark folder, or that folder',
  aihub: 'Qualcomm AI Hub’s folder of models with perf.yaml',
  trtexec: 'console texts of trtexec, one file or a folder of them',
};

function addKind(parent: Command, context: CliContext, kind: ImportKind): void {
  const command = withAnswer(parent.command(`${kind} <path>`))
    .description(descriptions[kind])
    .option('--name <name>', 'name to ask for its report by (default: the file’s)')
    .option('--report <file>', 'write its report there at once (html, md, json, csv), without a coordinator')
    .option(
      '--bandwidth <board=logs>',
      'sbc-bench logs that tell the memory bandwidth of a board of it, comma-separated; may be given again',
      collectLogs(context),
      {},
    )
    .action(async (path: string) => {
      const options = command.optsWithGlobals<ImportOptions>();
      parseAnswerFormat(options.output);
      const full = resolve(context.cwd, path);
      if (options.report !== undefined)
        return writeReport(context, { kind, path: full, file: options.report, bandwidth: options.bandwidth });
      const client = await connectToCoordinator(context, options);
      const name = options.name ?? basename(full).replace(/\.(tar\.gz|tgz|tar|md)$/i, '');
      const added = await client.post('/v1/imports', importRecordSchema, {
        kind,
        path: full,
        name,
        bandwidths: options.bandwidth,
      });
      printAnswer(context, options, added, added.digest);
      say(context, `${added.results} results of ${added.systems} systems.`);
      for (const note of added.notes.slice(0, 5)) say(context, note);
      say(context, `Report: ./qfleet report ${added.name}`);
    });
  withExample(command, `./qfleet import ${kind} ${examples[kind]} --report report.html`);
}

/** `Raspberry Pi 4=a.txt,b.txt`. */
function collectLogs(context: CliContext): (value: string, before: BandwidthLogs) => BandwidthLogs {
  return (value, before) => {
    const at = value.indexOf('=');
    const logs = value
      .slice(at + 1)
      .split(',')
      .filter((path) => path !== '');
    if (at < 1 || logs.length === 0) {
      throw new QfleetError('usage', `Expected BOARD=LOG, got "${value}".`, {
        hint: 'For example: --bandwidth "Raspberry Pi 4=3Gia.txt"',
      });
    }
    return { ...before, [value.slice(0, at)]: logs.map((path) => resolve(context.cwd, path)) };
  };
}

const examples: Readonly<Record<ImportKind, string>> = {
  mlperf: 'inference_results_v2.0.tar.gz',
  ncnn: 'ncnn/benchmark',
  aihub: 'ai-hub-models/models',
  trtexec: 'logs',
};

/** Everything that a report needs is loaded when one is asked for. */
async function writeReport(
  context: CliContext,
  {
    kind,
    path,
    file,
    bandwidth,
  }: {
    readonly kind: ImportKind;
    readonly path: string;
    readonly file: string;
    readonly bandwidth: BandwidthLogs;
  },
): Promise<void> {
  const ending = /\.(html|md|json|csv)$/i.exec(file)?.[1]?.toLowerCase() as
    | 'html'
    | 'md'
    | 'json'
    | 'csv'
    | undefined;
  if (!ending)
    throw new QfleetError('usage', `Expected a file that ends in .html, .md, .json or .csv, got ${file}.`);
  const { importSet } = await import('../../imports/import-set.ts');
  const { buildTransferReport } = await import('../../transfer/transfer-report.ts');
  const { formatTransfer } = await import('../../report/format-transfer.ts');
  const set = await importSet(kind, path, bandwidth);
  for (const note of set.notes.slice(0, 5)) say(context, note);
  const out = resolve(context.cwd, file);
  await writeFile(out, formatTransfer(buildTransferReport(set), ending));
  say(context, `Wrote ${out}`);
}

function addList(parent: Command, context: CliContext): void {
  const command = withOutput(parent.command('ls').description('list what was imported')).action(async () => {
    const options = command.optsWithGlobals<ImportOptions>();
    const format = parseFormat(options.output);
    const client = await connectToCoordinator(context, options);
    const { imports } = await client.get('/v1/imports', z.object({ imports: z.array(importRecordSchema) }));
    printRows(context, format, columns, imports);
  });
  withExample(command, './qfleet import ls');
}

const columns: Column<ImportRecord>[] = [
  { title: 'name', cell: ({ name }) => name },
  { title: 'kind', cell: ({ kind }) => kind },
  { title: 'source', cell: ({ source }) => source.name },
  { title: 'systems', align: 'right', cell: ({ systems }) => String(systems), raw: ({ systems }) => systems },
  { title: 'results', align: 'right', cell: ({ results }) => String(results), raw: ({ results }) => results },
  {
    title: 'added',
    cell: ({ createdAtMs }) => formatTime(createdAtMs),
    raw: ({ createdAtMs }) => createdAtMs,
  },
];

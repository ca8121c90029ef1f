import { basename } from 'node:path';
import * as z from 'zod';
import type { ImportedResult, ImportedSet, ImportedSystem } from './imported-set.ts';
import { readSource, type SourceFile } from './source-files.ts';

const summaryPath = /([^/]+)\/([^/]+)\/singlestream\/performance\/run_\d+\/mlperf_log_summary\.txt$/i;
const accuracyPath = /([^/]+)\/([^/]+)\/singlestream\/accuracy\/accuracy\.txt$/i;
const systemPath = /systems\/([^/]+)\.json$/;

/** What is needed of a system's description. */
const descriptionSchema = z.object({
  system_name: z.string(),
  framework: z.string().optional(),
});

/**
 * MLPerf Inference submissions, an archive or a folder of them: LoadGen's single-stream summaries, accuracy files and
 * system descriptions (mlcommons, `<system>/<model>/singlestream/performance/run_1/mlperf_log_summary.txt`). Latency is
 * the mean of the run. Other scenarios repeat it and are left out, as are summaries that are not VALID.
 */
export async function importMlperf(path: string): Promise<ImportedSet> {
  const isWanted = (name: string): boolean =>
    summaryPath.test(name) || accuracyPath.test(name) || systemPath.test(name);
  const { files, digest } = await readSource(path, isWanted);
  const accuracies = new Map(files.flatMap(readAccuracy));
  const notes: string[] = [];
  const results = files.flatMap((file) => readSummary(file, accuracies, notes));
  const ids = [...new Set(results.map(({ system }) => system))];
  const described = new Map(files.flatMap(readSystem));
  return {
    schema: 'qfleet.import/1',
    kind: 'mlperf',
    source: { name: basename(path), digest },
    systems: ids.map((id): ImportedSystem => described.get(id) ?? { id, board: id, runtime: 'unknown' }),
    results,
    notes,
  };
}

function readSummary(
  { path, text }: SourceFile,
  accuracies: ReadonlyMap<string, NonNullable<ImportedResult['accuracy']>>,
  notes: string[],
): ImportedResult[] {
  const [, system, model] = summaryPath.exec(path) ?? [];
  if (!system || !model) return [];
  if (!/^Result is : VALID$/m.test(text)) {
    notes.push(`${system}, ${model}: the run is not VALID and is left out.`);
    return [];
  }
  const mean = numberAfter(text, 'Mean latency (ns)');
  if (mean === undefined) {
    notes.push(`${system}, ${model}: the summary tells no mean latency.`);
    return [];
  }
  const p90Ns = numberAfter(text, '90.00 percentile latency (ns)');
  const n = Number(/Processed at least \d+ queries \((\d+)\)/.exec(text)?.[1] ?? 0);
  const accuracy = accuracies.get(`${system}/${model}`);
  return [
    {
      system,
      ...splitName(model),
      latencyNs: mean,
      statistic: 'mean',
      ...(p90Ns !== undefined && { p90Ns }),
      ...(n > 0 && { n }),
      ...(accuracy && { accuracy }),
    },
  ];
}

function numberAfter(text: string, label: string): number | undefined {
  const line = text.split('\n').find((one) => one.startsWith(label));
  const value = Number(line?.split(':')[1]?.trim());
  return Number.isFinite(value) && value > 0 ? value : undefined;
}

/** `accuracy=52.446%, good=26223, total=50000`. */
function readAccuracy({ path, text }: SourceFile): [string, { good: number; total: number }][] {
  const [, system, model] = accuracyPath.exec(path) ?? [];
  const [, good, total] = /good=(\d+), total=(\d+)/.exec(text) ?? [];
  return system && model && good && total
    ? [[`${system}/${model}`, { good: Number(good), total: Number(total) }]]
    : [];
}

function readSystem({ path, text }: SourceFile): [string, ImportedSystem][] {
  const id = systemPath.exec(path)?.[1];
  if (id === undefined) return [];
  try {
    const { system_name: board, framework } = descriptionSchema.parse(JSON.parse(text));
    return [[id, { id, board, runtime: framework ?? 'unknown' }]];
  } catch {
    return [];
  }
}

const precisionEndings: readonly (readonly [RegExp, string])[] = [
  [/[-_]non-quantized$/, 'fp32'],
  [/[-_]quantized$/, 'int8'],
  [/[-_]float$/, 'fp32'],
  // Another recipe than the one above, so another format.
  [/[-_]uint8$/, 'uint8'],
];

/** A network and its number format, by the ending of the name. */
function splitName(model: string): { network: string; precision: string } {
  for (const [ending, precision] of precisionEndings) {
    if (ending.test(model)) return { network: model.replace(ending, ''), precision };
  }
  return { network: model, precision: 'unknown' };
}

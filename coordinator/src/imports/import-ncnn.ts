import { basename } from 'node:path';
import type { ImportedResult, ImportedSet, ImportedSystem } from './imported-set.ts';
import { readSource } from './source-files.ts';

/**
 * The tables of ncnn's benchmark page (`benchmark/README.md`): every board's console text of benchncnn, on processors
 * alone (gpu_device = -1), by number of threads; of several texts of one board and number of threads the first. Latency
 * is benchncnn's average over its loops.
 */
export async function importNcnn(path: string): Promise<ImportedSet> {
  const { files, digest } = await readSource(path, (name) => /README\.md$/i.test(name));
  const systems = new Map<string, ImportedSystem>();
  const results: ImportedResult[] = [];
  let skipped = 0;
  for (const { text } of files) {
    for (const section of text.split(/^### /m).slice(1)) {
      const board = section.split('\n')[0]!.trim();
      for (const run of readRuns(section)) {
        const id = `${board}, ${run.threads} ${run.threads === 1 ? 'thread' : 'threads'}`;
        if (run.isGpu || systems.has(id) || run.results.length === 0) {
          skipped++;
          continue;
        }
        systems.set(id, { id, board, runtime: `ncnn, ${run.threads} threads` });
        results.push(...run.results.map((result) => ({ ...result, system: id })));
      }
    }
  }
  const notes = skipped > 0 ? [`${skipped} texts on GPUs, or of a board again, are left out.`] : [];
  return {
    schema: 'qfleet.import/1',
    kind: 'ncnn',
    source: { name: basename(path), digest },
    systems: [...systems.values()],
    results,
    notes,
  };
}

interface Run {
  readonly threads: number;
  readonly isGpu: boolean;
  readonly results: readonly Omit<ImportedResult, 'system'>[];
}

/** The console texts of a section: each begins with its loop count. */
function readRuns(section: string): Run[] {
  return section
    .split(/^\s*loop_count = /m)
    .slice(1)
    .map((text) => {
      const setting = (name: string): number | undefined => {
        const value = new RegExp(`^\\s*${name} = (-?\\d+)`, 'm').exec(text)?.[1];
        return value === undefined ? undefined : Number(value);
      };
      const loops = Number.parseInt(text, 10);
      const lines = [
        ...text.matchAll(/^\s*(\S+)\s+min =\s*([\d.]+)\s+max =\s*([\d.]+)\s+avg =\s*([\d.]+)/gm),
      ];
      return {
        threads: setting('num_threads') ?? 0,
        isGpu: (setting('gpu_device') ?? -1) !== -1,
        results: lines.flatMap(([, name, , , average]) => {
          const latencyNs = Number(average) * 1e6;
          if (!(latencyNs > 0)) return [];
          const isInt8 = name!.endsWith('_int8');
          const network = isInt8 ? name!.slice(0, -'_int8'.length) : name!;
          const base = { network, precision: isInt8 ? 'int8' : 'fp32', latencyNs, statistic: 'avg' };
          return [loops > 0 ? { ...base, n: loops } : base];
        }),
      };
    });
}

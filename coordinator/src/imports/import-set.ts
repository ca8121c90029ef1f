import { QfleetError } from '@qfleet/shared/errors.ts';
import { importAihub } from './import-aihub.ts';
import { importMlperf } from './import-mlperf.ts';
import { importNcnn } from './import-ncnn.ts';
import { importTrtexec } from './import-trtexec.ts';
import type { ImportedSet } from './imported-set.ts';
import { readBandwidth } from './read-sbc-bench.ts';

/** Formats that can be imported; a new one is a file and a line here. */
const importers = {
  mlperf: importMlperf,
  ncnn: importNcnn,
  aihub: importAihub,
  trtexec: importTrtexec,
} as const;

export type ImportKind = keyof typeof importers;
export const importKinds = Object.keys(importers) as ImportKind[];

/** Logs of sbc-bench by the board's name in what is imported. */
export type BandwidthLogs = Readonly<Record<string, readonly string[]>>;

/**
 * Reads what others published; throws `refused` where nothing in it can be used, `invalid-argument` for a bandwidth of a
 * board that is not in it.
 */
export async function importSet(
  kind: ImportKind,
  path: string,
  bandwidthLogs: BandwidthLogs = {},
): Promise<ImportedSet> {
  const set = await importers[kind](path);
  if (set.results.length > 0) return withBandwidths(set, bandwidthLogs);
  throw new QfleetError('refused', `No result of ${kind} was found in ${path}.`, {
    hint: `${kind} expects ${expectations[kind]}. ${set.notes.slice(0, 2).join(' ')}`.trim(),
  });
}

async function withBandwidths(set: ImportedSet, logs: BandwidthLogs): Promise<ImportedSet> {
  const boards = [...new Set(set.systems.map(({ board }) => board))];
  const bandwidths = new Map<string, number>();
  for (const [name, paths] of Object.entries(logs)) {
    bandwidths.set(findBoard(name, boards), await readBandwidth(paths));
  }
  return {
    ...set,
    systems: set.systems.map((system) => {
      const bandwidth = bandwidths.get(system.board);
      return bandwidth === undefined ? system : { ...system, bandwidth };
    }),
  };
}

/** By its name, or by how the name of one alone begins. */
function findBoard(name: string, boards: readonly string[]): string {
  const found = boards.includes(name) ? [name] : boards.filter((board) => board.startsWith(name));
  if (found.length === 1) return found[0]!;
  const problem = found.length === 0 ? 'There is no board' : `${found.length} boards begin with`;
  throw new QfleetError('invalid-argument', `${problem} "${name}" in what is imported.`, {
    hint: `Its boards are: ${(found.length > 0 ? found : boards).slice(0, 20).join('; ')}.`,
  });
}

const expectations: Readonly<Record<ImportKind, string>> = {
  mlperf: 'a folder or archive of submissions, with …/singlestream/performance/run_1/mlperf_log_summary.txt',
  ncnn: 'the README.md of ncnn’s benchmark folder',
  aihub: 'a folder of models with perf.yaml',
  trtexec: 'console texts (*.log, *.txt) that end in PASSED',
};

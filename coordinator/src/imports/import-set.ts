import { QfleetError } from '@qfleet/shared/errors.ts';
import { importAihub } from './import-aihub.ts';
import { importMlperf } from './import-mlperf.ts';
import { importNcnn } from './import-ncnn.ts';
import { importTrtexec } from './import-trtexec.ts';
import type { ImportedSet } from './imported-set.ts';

/** Formats that can be imported; a new one is a file and a line here. */
const importers = {
  mlperf: importMlperf,
  ncnn: importNcnn,
  aihub: importAihub,
  trtexec: importTrtexec,
} as const;

export type ImportKind = keyof typeof importers;
export const importKinds = Object.keys(importers) as ImportKind[];

/** Reads what others published; throws `refused` where nothing in it can be used. */
export async function importSet(kind: ImportKind, path: string): Promise<ImportedSet> {
  const set = await importers[kind](path);
  if (set.results.length > 0) return set;
  throw new QfleetError('refused', `No result of ${kind} was found in ${path}.`, {
    hint: `${kind} expects ${expectations[kind]}. ${set.notes.slice(0, 2).join(' ')}`.trim(),
  });
}

const expectations: Readonly<Record<ImportKind, string>> = {
  mlperf: 'a folder or archive of submissions, with …/singlestream/performance/run_1/mlperf_log_summary.txt',
  ncnn: 'the README.md of ncnn’s benchmark folder',
  aihub: 'a folder of models with perf.yaml',
  trtexec: 'console texts (*.log, *.txt) that end in PASSED',
};

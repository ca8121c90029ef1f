import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseDigest } from '@qfleet/shared/digest.ts';
import { addModel } from '../artefacts/add-model.ts';
import { importDataset } from '../artefacts/import-dataset.ts';
import { openFileBlobStore } from '../blobs/file-blob-store.ts';
import { noCache } from '../quantize/calibration/calibration-cache.ts';
import { openStore } from '../store/open-store.ts';
import { createQuantizeTask } from '../tasks/quantize-task.ts';
import { type Quantized, quantizedSchema } from '../tasks/task-params.ts';
import { type CliContext, say } from './cli-context.ts';
import { createProgress } from './output/progress.ts';
import type { QuantizeOrder } from './quantize-order.ts';
import { readContract } from './read-contract.ts';

/**
 * Makes variants of an ONNX file with a dataset from disk, without a coordinator: the same steps over a store of their
 * own, which goes afterwards. Writes NAME.onnx and NAME.json, the record of what was done, to the folder.
 */
export async function quantizeFiles(
  context: CliContext,
  modelPath: string,
  options: QuantizeOrder & { readonly out: string },
): Promise<Quantized> {
  const folder = await mkdtemp(join(tmpdir(), 'qfleet-files-'));
  const progress = createProgress(context);
  try {
    await using store = await openStore(folder);
    const blobs = await openFileBlobStore(join(folder, 'blobs'));
    const parts = { store, blobs, signal: context.signal };
    const onNote = (text: string): void => progress.note(`  ${text}`);
    const contract = await readContract(context, options);
    const model = await addModel({
      ...parts,
      path: resolve(context.cwd, modelPath),
      contract,
      baseline: false,
      onNote,
    });
    const dataset =
      options.calibration === undefined
        ? undefined
        : await importDataset({
            ...parts,
            path: resolve(context.cwd, options.calibration),
            name: 'calibration',
            split: 'none',
            onNote,
            onProgress: ({ step, done, total }) =>
              progress.update(`${step} item ${done}`, total ? done / total : 0),
          });
    const { recipes, limit } = options;
    const calibration = dataset ? { calibration: dataset.digest } : {};
    const order = { model: model.digest, ...calibration, recipes, limit };
    const onProgress = (step: string, fraction: number): void => progress.update(step, fraction);
    const made = await createQuantizeTask({ store, blobs, cache: noCache }).run(order, {
      signal: context.signal,
      onProgress,
    });
    const outDir = resolve(context.cwd, options.out);
    await mkdir(outDir, { recursive: true });
    for (const { digest, name, record } of await store.listVariants(model.digest)) {
      await writeFile(join(outDir, `${name}.onnx`), await blobs.read(parseDigest(digest)));
      await writeFile(join(outDir, `${name}.json`), `${JSON.stringify({ digest, ...record }, null, 2)}\n`);
    }
    progress.end();
    say(context, `Wrote them to ${outDir}`);
    return quantizedSchema.parse(made);
  } finally {
    progress.end();
    await rm(folder, { recursive: true, force: true });
  }
}

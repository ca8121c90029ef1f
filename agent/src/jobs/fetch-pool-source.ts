import { QfleetError } from '@qfleet/shared/errors.ts';
import type { InputContract__Output } from '@qfleet/shared/gen/qfleet/v1/InputContract.ts';
import type { Inputs__Output } from '@qfleet/shared/gen/qfleet/v1/Inputs.ts';
import type { PinnedBlob } from '../blobs/blob-cache.ts';
import { maxPoolInputs } from '../runner/make-input-pool.ts';
import type { PoolSource } from '../runner/protocol.ts';
import type { JobContext } from './job-context.ts';

/** A model whose inputs are fed as they are. */
export const plainContract: InputContract__Output = {
  layout: 'as-is',
  elementType: 'float32',
  channels: '',
  height: 0,
  width: 0,
  scale: 1,
  mean: [],
  deviation: [],
  inputName: '',
};

/**
 * Where timed launches take their inputs from: the first shards of the dataset, fetched and put on the stack to
 * stay pinned, or a seed where the job has no dataset.
 */
export async function fetchPoolSource(
  inputs: Inputs__Output | null,
  batch: number,
  { context, pins }: { readonly context: Pick<JobContext, 'fetchBlob'>; readonly pins: DisposableStack },
): Promise<PoolSource> {
  const contract = inputs?.contract ?? plainContract;
  if (!inputs?.datasetDigest) return { kind: 'random', seed: inputs?.randomSeed ?? 0, contract };
  if (!inputs.item)
    throw new QfleetError('invalid-argument', 'The job has a dataset without the layout of its items.');
  const wanted = maxPoolInputs * batch;
  const shards = inputs.shards.filter(({ firstIndex }) => firstIndex < wanted);
  const files: { path: string; count: number }[] = [];
  for (const shard of shards) {
    const pinned: PinnedBlob = pins.use(await context.fetchBlob(shard));
    files.push({ path: pinned.path, count: Math.min(shard.count, inputs.count - shard.firstIndex) });
  }
  return { kind: 'items', item: inputs.item, contract, shards: files };
}

import { availableParallelism } from 'node:os';
import type { Digest } from '@qfleet/shared/digest.ts';
import { QfleetError } from '@qfleet/shared/errors.ts';
import type { InputContract } from '@qfleet/shared/inputs/input-contract.ts';
import type { BlobStore } from '../blobs/blob-store.ts';
import type { Store } from '../store/store.ts';
import type { Dataset, Shard, Split, TensorInfo } from './artefacts.ts';
import { digestDataset } from './digest-dataset.ts';
import { channelCount, fitItems } from './fit-items.ts';
import { convertImage, describeConversion, type ImageTarget, type RawImage } from './images/convert-image.ts';
import { decodeImage } from './images/decode-image.ts';
import { defaultImportLimits } from './import-limits.ts';
import { mapInOrder } from './map-in-order.ts';
import { readItemDigests, readItems, readLabels } from './read-split.ts';
import { writeSplit } from './write-split.ts';

export type SplitName = 'all' | 'calibration' | 'evaluation';

export interface PrepareRequest {
  readonly dataset: Dataset;
  /** Of a dataset with one split, that one is taken for all three. */
  readonly split: SplitName;
  readonly contract: InputContract;
  /** The model's own input, to compare tensors with where the contract is `as-is`. */
  readonly modelInput?: TensorInfo;
  /** First so many items; 0: all. */
  readonly limit: number;
  readonly blobs: BlobStore;
  readonly store: Store;
  /** Items converted so far, where there is something to convert. */
  readonly onProgress?: (progress: { readonly done: number; readonly total: number }) => void;
  readonly signal?: AbortSignal;
  readonly nowMs?: () => number;
}

/** A dataset's items as a run or a calibration feeds them. */
export interface PreparedDataset {
  /** The dataset that the shards belong to: the given one, or one derived from it. */
  readonly digest: string;
  readonly dataset: Dataset;
  readonly split: SplitName;
  readonly item: { readonly elementType: string; readonly shape: readonly number[] };
  readonly shards: readonly Shard[];
  /** Items in all shards together. */
  readonly count: number;
  /** One class per item; absent without labels. */
  readonly labels?: Uint32Array;
  /** SHA-256 of each item as it was imported, before any conversion: finds the same input in other datasets. */
  readonly itemDigests: readonly Digest[];
}

/**
 * The items of one split in the size, colouring and number that a model's input and a plan ask for. Items
 * that fit stay as they are; others are converted once into a derived dataset, which the same request, or
 * one for fewer items, finds again. Throws `shape-mismatch`, `failed-precondition` where the split does not
 * exist, `cancelled`.
 */
export async function prepareDataset(request: PrepareRequest): Promise<PreparedDataset> {
  const { dataset, limit, contract, modelInput } = request;
  const whole = pickSplit(dataset, request.split);
  const count = limit > 0 ? Math.min(limit, whole.split.count) : whole.split.count;
  const fit = fitItems(dataset, contract, modelInput);
  const converted = fit.kind === 'convert' ? await convertedDataset(request, whole, count, fit.to) : whole;
  const used = await trimmedDataset(request, converted, count);
  const labels = await readLabels(used.split, request.blobs);
  const shape = fit.kind === 'as-stored' ? fit.shape : used.dataset.item.shape;
  return {
    digest: used.dataset.digest,
    dataset: used.dataset,
    split: used.name,
    item: { elementType: used.dataset.item.elementType, shape },
    shards: used.split.shards,
    count,
    ...(labels ? { labels } : {}),
    itemDigests: await readItemDigests(used.split, request.blobs),
  };
}

/** A split with the dataset it belongs to. */
interface ChosenSplit {
  readonly dataset: Dataset;
  readonly name: SplitName;
  readonly split: Split;
}

function pickSplit(dataset: Dataset, wanted: SplitName): ChosenSplit {
  const present = (['all', 'calibration', 'evaluation'] as const).filter((name) => dataset.splits[name]);
  const name = present.includes(wanted) ? wanted : present.length === 1 ? present[0] : undefined;
  if (name) return { dataset, name, split: dataset.splits[name]! };
  throw new QfleetError(
    'failed-precondition',
    `Dataset ${dataset.name} has the splits ${present.join(', ')}; expected ${wanted}.`,
    { hint: 'Add the data once more under another name with --split none.' },
  );
}

/** The first `count` items in another size or colouring: found, or made now. */
async function convertedDataset(
  request: PrepareRequest,
  from: ChosenSplit,
  count: number,
  target: ImageTarget,
): Promise<ChosenSplit> {
  const how = `${describeConversion(target)}; ${from.name}, first `;
  const found = await findDerived(request.store, from, count, how);
  if (found) return found;
  const item = { elementType: 'uint8', shape: [target.height, target.width, channelCount(target)] };
  const items = convertItems(request, from, count, target);
  const slug = `${target.width}x${target.height}-${target.channels}-${from.name}-${count}${resizeSlug(target)}`;
  return derive(request, from, {
    items,
    count,
    item,
    channels: target.channels,
    how: `${how}${count}`,
    slug,
  });
}

/** Tells the names of datasets apart that are derived in the same size by other methods. */
function resizeSlug({ resize, filter }: ImageTarget): string {
  return resize === 'cover' && filter === 'bilinear' ? '' : `-${resize}-${filter}`;
}

/** The first `count` items in shards of their own, where there are more. */
async function trimmedDataset(
  request: PrepareRequest,
  from: ChosenSplit,
  count: number,
): Promise<ChosenSplit> {
  if (from.split.count === count) return from;
  const how = `as stored; ${from.name}, first ${count}`;
  const found = await findDerived(request.store, from, count, how, count);
  if (found) return found;
  const { item, channels } = from.dataset;
  const items = firstItems(from, count, request.blobs);
  return derive(request, from, { items, count, item, channels, how, slug: `first-${from.name}-${count}` });
}

/** The smallest dataset derived in that way with at least `atLeast` items and at most `atMost`. */
async function findDerived(
  store: Store,
  from: ChosenSplit,
  atLeast: number,
  how: string,
  atMost = Number.POSITIVE_INFINITY,
): Promise<ChosenSplit | undefined> {
  const fits = (candidate: Dataset): boolean =>
    candidate.derivedFrom?.digest === from.dataset.digest &&
    candidate.derivedFrom.how.startsWith(how) &&
    candidate.count >= atLeast &&
    candidate.count <= atMost;
  const [dataset] = (await store.listDatasets()).filter(fits).sort((a, b) => a.count - b.count);
  const split = dataset?.splits[from.name];
  return dataset && split && { dataset, name: from.name, split };
}

interface Derivation {
  readonly items: AsyncIterable<Uint8Array>;
  readonly count: number;
  readonly item: Dataset['item'];
  readonly channels: Dataset['channels'];
  readonly how: string;
  /** Ends the derived dataset's name. */
  readonly slug: string;
}

/** Stores a derived dataset with one split; labels and item digests are those of the original items. */
async function derive(
  request: PrepareRequest,
  from: ChosenSplit,
  derivation: Derivation,
): Promise<ChosenSplit> {
  const { blobs, store } = request;
  const { dataset } = from;
  const { item, count, channels } = derivation;
  const labels = await readLabels(from.split, blobs);
  const itemDigests = (await readItemDigests(from.split, blobs)).slice(0, count);
  const split = await writeSplit(
    { items: derivation.items, encoding: 'raw', itemDigests, labels: labels?.slice(0, count) },
    blobs,
  );
  const content = {
    item,
    channels,
    count,
    ...(dataset.classes ? { classes: dataset.classes } : {}),
    splits: { [from.name]: split },
    derivedFrom: { digest: dataset.digest, how: derivation.how },
    source: dataset.source,
  };
  const added = await store.addDataset({
    ...content,
    digest: digestDataset(content),
    name: `${dataset.name}@${derivation.slug}`,
    createdAtMs: (request.nowMs ?? Date.now)(),
  });
  return { dataset: added, name: from.name, split };
}

async function* convertItems(
  request: PrepareRequest,
  from: ChosenSplit,
  count: number,
  target: ImageTarget,
): AsyncGenerator<Uint8Array> {
  const toImage = imageReader(from.dataset);
  const convert = async (bytes: Buffer): Promise<Uint8Array> => convertImage(await toImage(bytes), target);
  let done = 0;
  const source = firstItems(from, count, request.blobs);
  for await (const bytes of mapInOrder(source, availableParallelism(), convert)) {
    if (request.signal?.aborted) throw new QfleetError('cancelled', 'Preparing the dataset was cancelled.');
    yield bytes;
    done += 1;
    if (done % 100 === 0 || done === count) request.onProgress?.({ done, total: count });
  }
}

/** Reads one stored item as an image. */
function imageReader({ name, encoding, item }: Dataset): (bytes: Buffer) => Promise<RawImage> {
  const [height, width, channels = 1] = item.shape as [number, number, (1 | 3)?];
  if (!encoding) return async (bytes) => ({ bytes, height, width, channels });
  const { maxPixels } = defaultImportLimits;
  return async (bytes) => await decodeImage(bytes, { name: `An image of ${name}`, maxPixels });
}

async function* firstItems(
  { split, dataset }: ChosenSplit,
  count: number,
  blobs: BlobStore,
): AsyncGenerator<Buffer> {
  const needed = split.shards.filter((shard) => shard.firstIndex < count);
  let left = count;
  for await (const bytes of readItems(needed, blobs, dataset.encoding)) {
    if (left === 0) return;
    left -= 1;
    yield bytes;
  }
}

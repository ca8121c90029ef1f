import { type Digest, digestBytes } from '@qfleet/shared/digest.ts';
import { repeatGray } from './images/convert-image.ts';
import type { ImportLimits } from './import-limits.ts';
import { type ImportWatch, reportProgress } from './import-progress.ts';
import { ItemSpool } from './item-spool.ts';
import type { OpenedDataset, RawItem } from './readers/item-reader.ts';
import { refused } from './refused.ts';
import type { ItemClass } from './resolve-classes.ts';
import type { ShardEncoding } from './shard-items.ts';

/** All items of a source, read once; their bytes lie in temporary files until disposed. */
export interface SpooledItems extends AsyncDisposable {
  readonly encoding: ShardEncoding;
  /** Height and width are 0 where images differ in size. */
  readonly item: { readonly elementType: string; readonly shape: number[] };
  readonly channels: RawItem['channels'];
  /** SHA-256 of each item's raw bytes, of images decoded, whatever their encoding. */
  readonly digests: readonly Digest[];
  readonly classes: readonly ItemClass[];
  /** One item as it is stored. */
  read(index: number): Promise<Buffer>;
}

/**
 * Reads all items into temporary files. Gray and colour images may come together: gray ones become RGB.
 * Images of differing sizes are kept as files, to be resized as each model wants it. Throws `refused` where
 * there are none, where tensors differ in shape or the limits are exceeded, and `cancelled`.
 */
export async function spoolItems(
  opened: OpenedDataset,
  watch: ImportWatch & { readonly tempDir?: string | undefined },
  limits: ImportLimits,
): Promise<SpooledItems> {
  await using stack = new AsyncDisposableStack();
  const raw = stack.use(await ItemSpool.create(watch.tempDir));
  const files = stack.use(await ItemSpool.create(watch.tempDir));
  const read = await readAll(opened, { raw, files }, watch, limits);
  const isMixed = read.isColour && read.gray.size > 0;
  const kept = stack.move();
  return {
    encoding: read.sizesDiffer ? 'image-files' : 'raw',
    item: { elementType: read.first.elementType, shape: shapeOf(read, isMixed) },
    channels: isMixed ? 'RGB' : read.first.channels,
    digests: isMixed ? read.digests.map((digest, i) => read.gray.get(i) ?? digest) : read.digests,
    classes: read.classes,
    read: async (index) => {
      if (read.sizesDiffer) return await files.read(index);
      const bytes = await raw.read(index);
      return isMixed && read.gray.has(index) ? repeatGray(bytes) : bytes;
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

interface ReadItems {
  readonly first: RawItem;
  readonly digests: readonly Digest[];
  readonly classes: readonly ItemClass[];
  readonly sizesDiffer: boolean;
  readonly isColour: boolean;
  /** Gray images by index, with the digest that each has as RGB. */
  readonly gray: ReadonlyMap<number, Digest>;
}

async function readAll(
  opened: OpenedDataset,
  spools: { readonly raw: ItemSpool; readonly files: ItemSpool },
  watch: ImportWatch,
  limits: ImportLimits,
): Promise<ReadItems> {
  const digests: Digest[] = [];
  const classes: ItemClass[] = [];
  const gray = new Map<number, Digest>();
  let first: RawItem | undefined;
  let isColour = false;
  let sizesDiffer = false;
  for await (const item of opened.items) {
    first ??= item;
    if (!isEqualShape(first, item)) {
      requireFiles(first, item);
      sizesDiffer = true;
    }
    if (item.channels === 'gray') gray.set(digests.length, digestBytes(repeatGray(item.bytes)));
    else isColour = true;
    digests.push(digestBytes(item.bytes));
    classes.push({ name: item.name, label: item.label, classFolder: item.classFolder });
    if (!sizesDiffer) await spools.raw.append(item.bytes);
    if (item.file) await spools.files.append(item.file);
    requireWithinLimits(sizesDiffer ? spools.files : spools.raw, limits);
    reportProgress(watch, { step: 'reading', done: digests.length, total: opened.expectedCount });
  }
  if (!first) throw refused(`${opened.source} holds no items.`, 'A dataset needs at least one item.');
  return { first, digests, classes, sizesDiffer, isColour, gray };
}

function shapeOf({ first, sizesDiffer }: ReadItems, isMixed: boolean): number[] {
  if (sizesDiffer) return [0, 0, isMixed ? 3 : first.shape[2]!];
  return isMixed ? [...first.shape.slice(0, 2), 3] : [...first.shape];
}

/** Gray and colour images may come together; all else must be equal. */
function isEqualShape(first: RawItem, item: RawItem): boolean {
  const isImage = first.channels !== '' && item.channels !== '';
  const compared = isImage ? [0, 1] : [...first.shape.keys()];
  return (
    (isImage || first.shape.length === item.shape.length) &&
    compared.every((i) => first.shape[i] === item.shape[i])
  );
}

function requireFiles(first: RawItem, item: RawItem): void {
  if (first.file && item.file) return;
  throw refused(
    `Items differ in shape: ${first.name} is [${first.shape.join(', ')}], ${item.name} is [${item.shape.join(', ')}].`,
    'Give all items one shape.',
  );
}

function requireWithinLimits(spool: ItemSpool, limits: ImportLimits): void {
  if (spool.count <= limits.maxItems && spool.totalBytes <= limits.maxTotalBytes) return;
  throw refused(
    `The dataset has more than ${limits.maxItems} items or ${limits.maxTotalBytes} bytes.`,
    'Import a part of it, or smaller images with --resize WIDTHxHEIGHT.',
  );
}

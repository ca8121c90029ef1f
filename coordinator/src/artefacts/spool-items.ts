import { type Digest, digestBytes } from '@qfleet/shared/digest.ts';
import { repeatGray } from './convert-image.ts';
import type { ImportLimits } from './import-limits.ts';
import { type ImportWatch, reportProgress } from './import-progress.ts';
import type { ItemSpool } from './item-spool.ts';
import type { OpenedDataset, RawItem } from './readers/item-reader.ts';
import { refused } from './refused.ts';
import type { ItemClass } from './resolve-classes.ts';

/** What is known of the items after reading them all. */
export interface ReadItems {
  readonly item: { readonly elementType: string; readonly shape: number[] };
  readonly channels: RawItem['channels'];
  readonly digests: Digest[];
  readonly classes: ItemClass[];
  /** Gray images among RGB ones, by index: they become RGB. */
  readonly grayIndices: ReadonlySet<number>;
}

/**
 * Reads all items into a spool. Throws `refused` where there are none, where they differ in shape (gray and
 * colour images may come together: gray ones become RGB) or exceed the limits, and `cancelled`.
 */
export async function spoolItems(
  opened: OpenedDataset,
  spool: ItemSpool,
  watch: ImportWatch,
  limits: ImportLimits,
): Promise<ReadItems> {
  const digests: Digest[] = [];
  const classes: ItemClass[] = [];
  const gray: number[] = [];
  let first: RawItem | undefined;
  let isColour = false;
  for await (const item of opened.items) {
    first ??= item;
    requireEqualShape(first, item);
    if (item.channels === 'gray') gray.push(digests.length);
    else isColour = true;
    digests.push(digestBytes(item.bytes));
    classes.push({ name: item.name, label: item.label, classFolder: item.classFolder });
    await spool.append(item.bytes);
    requireWithinLimits(spool, limits);
    reportProgress(watch, { step: 'reading', done: digests.length, total: opened.expectedCount });
  }
  if (!first) throw refused(`${opened.source} holds no items.`, 'A dataset needs at least one item.');
  const isMixed = isColour && gray.length > 0;
  const shape = isMixed ? [...first.shape.slice(0, 2), 3] : [...first.shape];
  const read: ReadItems = {
    item: { elementType: first.elementType, shape },
    channels: isMixed ? 'RGB' : first.channels,
    digests,
    classes,
    grayIndices: new Set(isMixed ? gray : []),
  };
  for (const index of read.grayIndices) digests[index] = digestBytes(await readItem(spool, read, index));
  return read;
}

/** An item as it is stored: gray among colour images becomes RGB by repeating its value. */
export async function readItem(spool: ItemSpool, read: ReadItems, index: number): Promise<Buffer> {
  const bytes = await spool.read(index);
  return read.grayIndices.has(index) ? repeatGray(bytes) : bytes;
}

/** Gray and colour images may come together; all else must be equal. */
function requireEqualShape(first: RawItem, item: RawItem): void {
  const isImage = first.channels !== '' && item.channels !== '';
  const compared = isImage ? [0, 1] : [...first.shape.keys()];
  if (compared.every((i) => first.shape[i] === item.shape[i])) return;
  throw refused(
    `Images differ in size: ${first.name} has ${first.shape[1]}×${first.shape[0]}, ${item.name} has ${item.shape[1]}×${item.shape[0]} pixels.`,
    'Add --resize WIDTHxHEIGHT: images are scaled to cover that size and cut in the middle.',
  );
}

function requireWithinLimits(spool: ItemSpool, limits: ImportLimits): void {
  if (spool.count <= limits.maxItems && spool.totalBytes <= limits.maxTotalBytes) return;
  throw refused(
    `The dataset has more than ${limits.maxItems} items or ${limits.maxTotalBytes} bytes.`,
    'Import a part of it, or smaller images with --resize WIDTHxHEIGHT.',
  );
}

import { QfleetError } from '@qfleet/shared/errors.ts';

/**
 * How items lie in a shard. `raw`: items of one size, one after the other, as agents read them. `image-files`:
 * images as they were found (JPEG, PNG, …), which only the coordinator reads: uint32 count, uint32 size of each
 * in bytes, little-endian, then the files.
 */
export type ShardEncoding = 'raw' | 'image-files';

/** A shard of items in order; equal items give equal bytes. */
export function encodeShard(items: readonly Uint8Array[], encoding: ShardEncoding): Buffer {
  if (encoding === 'raw') return Buffer.concat(items);
  const header = Buffer.alloc(4 + 4 * items.length);
  header.writeUInt32LE(items.length);
  items.forEach((item, i) => {
    header.writeUInt32LE(item.length, 4 + 4 * i);
  });
  return Buffer.concat([header, ...items]);
}

/** The items of a shard in order, without a copy; `count` as the dataset records it. Throws `digest-mismatch` where sizes disagree. */
export function decodeShard(shard: Buffer, count: number, encoding: ShardEncoding): Buffer[] {
  if (encoding === 'raw') {
    const itemBytes = shard.length / count;
    return Array.from({ length: count }, (_, i) => shard.subarray(i * itemBytes, (i + 1) * itemBytes));
  }
  const sizes = readSizes(shard, count);
  let end = 4 + 4 * count;
  const items = sizes.map((size) => {
    end += size;
    return shard.subarray(end - size, end);
  });
  if (end !== shard.length) throw damaged(count, shard.length);
  return items;
}

function readSizes(shard: Buffer, count: number): number[] {
  const headerBytes = 4 + 4 * count;
  if (shard.length < headerBytes || shard.readUInt32LE() !== count) throw damaged(count, shard.length);
  return Array.from({ length: count }, (_, i) => shard.readUInt32LE(4 + 4 * i));
}

function damaged(count: number, bytes: number): QfleetError {
  return new QfleetError(
    'digest-mismatch',
    `A shard of ${bytes} bytes does not hold the ${count} image files expected.`,
    {
      hint: 'Add the dataset again.',
    },
  );
}

import type { BlobStore } from '../blobs/blob-store.ts';
import type { Shard } from './artefacts.ts';
import { refused } from './refused.ts';

/** A shard holds at most so many bytes: agents keep one in memory at a time. */
export const maxShardBytes = 8 * 2 ** 20;

/**
 * Stores items of equal size, one after the other, as blobs of whole items and at most 8 MiB. Equal items
 * in equal order give equal shards. Throws `refused` where one item alone is larger.
 */
export async function writeShards(
  items: AsyncIterable<Uint8Array>,
  { blobs, itemBytes }: { blobs: BlobStore; itemBytes: number },
): Promise<Shard[]> {
  const perShard = Math.floor(maxShardBytes / itemBytes);
  if (perShard < 1) {
    throw refused(
      `One item has ${itemBytes} bytes, at most ${maxShardBytes} fit into a shard.`,
      'Make the items smaller: images with --resize WIDTHxHEIGHT.',
    );
  }
  const shards: Shard[] = [];
  let pending: Uint8Array[] = [];
  const flush = async (): Promise<void> => {
    if (pending.length === 0) return;
    const bytes = Buffer.concat(pending);
    const firstIndex = shards.length * perShard;
    const digest = await blobs.put(bytes);
    shards.push({ digest, sizeBytes: bytes.length, firstIndex, count: pending.length });
    pending = [];
  };
  for await (const item of items) {
    pending.push(item);
    if (pending.length === perShard) await flush();
  }
  await flush();
  return shards;
}

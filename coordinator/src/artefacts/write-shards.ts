import type { BlobStore } from '../blobs/blob-store.ts';
import type { Shard } from './artefacts.ts';
import { refused } from './refused.ts';
import { encodeShard, type ShardEncoding } from './shard-items.ts';

/** A shard holds at most so many bytes of items: agents keep one in memory at a time. */
export const maxShardBytes = 8 * 2 ** 20;

/**
 * Stores items, one after the other, as blobs of whole items and at most 8 MiB; an image file that is larger
 * has a shard of its own. Equal items in equal order give equal shards. Throws `refused` where a raw item
 * alone is larger.
 */
export async function writeShards(
  items: AsyncIterable<Uint8Array>,
  { blobs, encoding }: { blobs: BlobStore; encoding: ShardEncoding },
): Promise<Shard[]> {
  const shards: Shard[] = [];
  let pending: Uint8Array[] = [];
  let pendingBytes = 0;
  let firstIndex = 0;
  const flush = async (): Promise<void> => {
    if (pending.length === 0) return;
    const bytes = encodeShard(pending, encoding);
    const digest = await blobs.put(bytes);
    shards.push({ digest, sizeBytes: bytes.length, firstIndex, count: pending.length });
    firstIndex += pending.length;
    pending = [];
    pendingBytes = 0;
  };
  for await (const item of items) {
    if (encoding === 'raw' && item.length > maxShardBytes) throw tooLarge(item.length);
    if (pendingBytes + item.length > maxShardBytes) await flush();
    pending.push(item);
    pendingBytes += item.length;
  }
  await flush();
  return shards;
}

function tooLarge(itemBytes: number): Error {
  return refused(
    `One item has ${itemBytes} bytes, at most ${maxShardBytes} fit into a shard.`,
    'Make the items smaller: images with --resize WIDTHxHEIGHT.',
  );
}

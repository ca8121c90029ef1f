import { type Digest, parseDigest } from '@qfleet/shared/digest.ts';
import type { BlobStore } from '../blobs/blob-store.ts';
import type { Shard, Split } from './artefacts.ts';
import { decodeShard, type ShardEncoding } from './shard-items.ts';

/** One class per item of a split, or undefined where it has no labels. */
export async function readLabels(split: Split, blobs: BlobStore): Promise<Uint32Array | undefined> {
  if (split.labelsBlob === undefined) return undefined;
  const bytes = await blobs.read(parseDigest(split.labelsBlob));
  return Uint32Array.from({ length: bytes.length / 4 }, (_, index) => bytes.readUInt32LE(index * 4));
}

/** SHA-256 of each item of a split, in order. */
export async function readItemDigests(split: Split, blobs: BlobStore): Promise<Digest[]> {
  const text = (await blobs.read(parseDigest(split.itemDigestsBlob))).toString('latin1');
  return text.split('\n').slice(0, split.count) as Digest[];
}

/** The items of shards, in order, one shard in memory at a time. */
export async function* readItems(
  shards: readonly Shard[],
  blobs: BlobStore,
  encoding: ShardEncoding = 'raw',
): AsyncGenerator<Buffer> {
  for (const shard of shards) {
    yield* decodeShard(await blobs.read(parseDigest(shard.digest)), shard.count, encoding);
  }
}

import type { BlobStore } from '../blobs/blob-store.ts';
import type { Split } from './artefacts.ts';
import type { ShardEncoding } from './shard-items.ts';
import { writeShards } from './write-shards.ts';

export interface SplitContent {
  readonly items: AsyncIterable<Uint8Array>;
  readonly encoding: ShardEncoding;
  /** SHA-256 of each item, in order. */
  readonly itemDigests: readonly string[];
  /** One class per item; undefined without labels. */
  readonly labels: Uint32Array | undefined;
}

/** Stores the items, labels and item digests of one split. */
export async function writeSplit(content: SplitContent, blobs: BlobStore): Promise<Split> {
  const { itemDigests, labels, encoding } = content;
  const shards = await writeShards(content.items, { blobs, encoding });
  const itemDigestsBlob = await blobs.put(Buffer.from(itemDigests.map((digest) => `${digest}\n`).join('')));
  const split = { count: itemDigests.length, shards, itemDigestsBlob };
  return labels ? { ...split, labelsBlob: await blobs.put(encodeLabels(labels)) } : split;
}

/** uint32 little-endian, whatever the machine. */
function encodeLabels(labels: Uint32Array): Uint8Array {
  const bytes = Buffer.alloc(labels.length * 4);
  labels.forEach((label, index) => {
    bytes.writeUInt32LE(label, index * 4);
  });
  return bytes;
}

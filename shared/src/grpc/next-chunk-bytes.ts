import { blobChunkBytes } from './agent-service.ts';

/** The first message of a transfer: half a minute's worth of 4 kbit/s. */
export const firstChunkBytes = 16 * 1024;

/** A message that took this long is followed by a smaller one, and one that took a tenth of it by a larger one, milliseconds. */
const slowMs = 5_000;

/**
 * Size of the next piece of a blob after one of `bytes` that took so long to get rid of: doubled up to 256 KiB on a line
 * that takes it, halved down to 16 KiB on one that does not. A message arrives whole or not at all, and neither side
 * waits for ever, so on a slow line pieces of one size would never get through.
 */
export function nextChunkBytes(bytes: number, tookMs: number): number {
  if (tookMs >= slowMs) return Math.max(firstChunkBytes, bytes / 2);
  return tookMs < slowMs / 10 ? Math.min(blobChunkBytes, bytes * 2) : bytes;
}

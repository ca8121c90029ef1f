import assert from 'node:assert/strict';
import { test } from 'node:test';
import { firstChunkBytes, nextChunkBytes } from './next-chunk-bytes.ts';

/** Sends a blob in pieces over a line of so many bytes a second; gives the size and duration of each. */
function send(totalBytes: number, bytesPerSec: number): { bytes: number; tookMs: number }[] {
  const pieces: { bytes: number; tookMs: number }[] = [];
  let bytes = firstChunkBytes;
  for (let sent = 0; sent < totalBytes; sent += bytes) {
    const tookMs = (bytes / bytesPerSec) * 1000;
    pieces.push({ bytes, tookMs });
    bytes = nextChunkBytes(bytes, tookMs);
  }
  return pieces;
}

test('on a line of 8 kbit/s every piece comes through within half a minute', () => {
  const pieces = send(1_000_000, 1_000);
  assert.ok(pieces.every(({ tookMs }) => tookMs < 30_000));
});

test('a fast line has pieces of 256 KiB after four', () => {
  const sizes = send(10_000_000, 10_000_000).map(({ bytes }) => bytes);
  assert.deepEqual(
    sizes.slice(0, 5),
    [16, 32, 64, 128, 256].map((kilobytes) => kilobytes * 1024),
  );
  assert.ok(sizes.slice(5).every((bytes) => bytes === 256 * 1024));
});

import { inflateSync } from 'node:zlib';
import { decodeFromCompressedBase64, type Histogram } from 'hdr-histogram-js';

/** HdrHistogram's V2 encoding, with the cookie of the compressed one in front. Source: its EncodableHistogram. */
const cookies = { compressed: 0x1c849304, plain: 0x1c849303 };
const headerBytes = 40;
/** What agents write: three digits, so that 2^53 ns take some 45,000 counts of at most 9 bytes. */
const maxDigits = 3;
const maxPackedBytes = 64 * 1024;
const maxPlainBytes = headerBytes + 9 * 45_000;

/**
 * A histogram that a device has sent, undefined where it is none. The library believes the header: four bytes of it make
 * gigabytes of counts, a length makes a loop of hours, and packed zeros unpack a thousandfold. So all of them are checked
 * before it sees them.
 */
export function decodeHistogram(base64: string): Histogram | undefined {
  try {
    const packed = Buffer.from(base64, 'base64');
    if (packed.length > maxPackedBytes || !hasCookie(packed, cookies.compressed)) return undefined;
    const plain = inflateSync(packed.subarray(8, 8 + packed.readInt32BE(4)), {
      maxOutputLength: maxPlainBytes,
    });
    return isPlausible(plain) ? decodeFromCompressedBase64(base64) : undefined;
  } catch {
    return undefined;
  }
}

/** Payload length, digits and the highest value, as far as the library relies on them. */
function isPlausible(plain: Buffer): boolean {
  const highest = plain.readBigInt64BE(24);
  return (
    hasCookie(plain, cookies.plain) &&
    plain.readInt32BE(4) === plain.length - headerBytes &&
    plain.readInt32BE(12) >= 0 &&
    plain.readInt32BE(12) <= maxDigits &&
    plain.readBigInt64BE(16) >= 1n &&
    highest >= 2n * plain.readBigInt64BE(16) &&
    highest <= BigInt(Number.MAX_SAFE_INTEGER)
  );
}

/** The lowest byte of a cookie says how words are packed. */
function hasCookie(bytes: Buffer, cookie: number): boolean {
  return (bytes.readInt32BE(0) & ~0xf0) === cookie;
}

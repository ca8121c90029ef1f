import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { QfleetError } from './errors.ts';

/** SHA-256 as 64 lower-case hexadecimal digits: the name of a blob, a variant, a result. */
export type Digest = string & { readonly digest: unique symbol };

const digestPattern = /^[0-9a-f]{64}$/;

/** Checks a digest that came from outside; throws `invalid-argument`. Only such strings become file names. */
export function parseDigest(text: string): Digest {
  if (!digestPattern.test(text)) {
    throw new QfleetError(
      'invalid-argument',
      `Expected a SHA-256 digest (64 hexadecimal digits), got "${text.slice(0, 80)}".`,
    );
  }
  return text as Digest;
}

/** SHA-256 of bytes in memory. */
export function digestBytes(bytes: Uint8Array | string): Digest {
  return createHash('sha256').update(bytes).digest('hex') as Digest;
}

/** SHA-256 of a file, streamed. */
export async function digestFile(path: string): Promise<Digest> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk as Buffer);
  return hash.digest('hex') as Digest;
}

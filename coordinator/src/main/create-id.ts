import { randomBytes } from 'node:crypto';

/** Crockford's base32, lower case: no i, l, o, u, so that an id can be read out and typed. */
const alphabet = '0123456789abcdefghjkmnpqrstvwxyz';

/** A new random id, for example `run-4x7k2m9qpt`: 50 bits, so that two of a laboratory's runs never meet. */
export function createId(prefix: string): string {
  const letters = [...randomBytes(10)].map((byte) => alphabet[byte % 32]);
  return `${prefix}-${letters.join('')}`;
}

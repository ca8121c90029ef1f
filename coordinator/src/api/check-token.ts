import { createHash, timingSafeEqual } from 'node:crypto';
import { QfleetError } from '@qfleet/shared/errors.ts';

/**
 * Refuses a request without `Authorization: Bearer TOKEN`. Both sides are hashed first, so that the comparison takes
 * the same time whatever was sent. Throws `unauthenticated`.
 */
export function checkToken(header: string | undefined, token: string): void {
  const given = /^Bearer (\S+)$/.exec(header ?? '')?.[1] ?? '';
  if (timingSafeEqual(hash(given), hash(token))) return;
  throw new QfleetError('unauthenticated', 'The operator token is missing or wrong.', {
    hint: 'It is in operator.json in the data folder, and new with every start of the coordinator.',
  });
}

function hash(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

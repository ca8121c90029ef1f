import { isAbsolute } from 'node:path';
import { QfleetError } from '@qfleet/shared/errors.ts';

/**
 * Paths in requests are absolute, since the coordinator does not know where the operator stands; it reads them with
 * its own rights, which is why the API listens on loopback and asks for the token. Throws `invalid-argument`.
 */
export function requireAbsolute(path: string): string {
  if (isAbsolute(path)) return path;
  throw new QfleetError('invalid-argument', `Expected an absolute path, got "${path}".`, {
    hint: 'Give the whole path, as the coordinator’s machine knows it.',
  });
}

import { createHash, type KeyObject } from 'node:crypto';

/** What people compare of a public key: SHA-256 of its SubjectPublicKeyInfo, as ssh-keygen prints such, `SHA256:…`. */
export function keyFingerprint(key: KeyObject | string): string {
  const spki =
    typeof key === 'string' ? Buffer.from(key, 'base64') : key.export({ type: 'spki', format: 'der' });
  return `SHA256:${createHash('sha256').update(spki).digest('base64').replace(/=+$/, '')}`;
}

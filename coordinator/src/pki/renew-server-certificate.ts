import { createPrivateKey, generateKeyPairSync, X509Certificate } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { canonicalJson } from '@qfleet/shared/canonical-json.ts';
import * as z from 'zod';
import type { Authority } from './authority.ts';
import type { ServerName } from './list-server-names.ts';
import { signCertificate } from './sign-certificate.ts';
import { writeDurably } from './write-durably.ts';

const dayMs = 24 * 3_600_000;
const validMs = 397 * dayMs;
const renewBeforeMs = 30 * dayMs;

interface Renewal {
  readonly folder: string;
  readonly authority: Omit<Authority, 'server'>;
  readonly names: readonly ServerName[];
  readonly nowMs: number;
}

/** The server's key and certificate: those on the disk while they serve, else new ones (ECDSA P-256, 397 days). */
export async function renewServerCertificate(renewal: Renewal): Promise<Authority['server']> {
  const path = join(renewal.folder, 'server.json');
  const saved = await readSaved(path);
  if (saved && stillServes(saved, renewal)) return saved.server;
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const server = {
    keyPem: pair.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
    certificatePem: await signCertificate({
      authority: renewal.authority,
      publicKey: new Uint8Array(pair.publicKey.export({ type: 'spki', format: 'der' })),
      commonName: 'qfleet coordinator',
      names: [...renewal.names],
      usage: 'serverAuth',
      nowMs: renewal.nowMs,
      validMs,
    }),
  };
  await writeDurably(path, JSON.stringify({ names: renewal.names, server }, null, 2), 0o600);
  return server;
}

/** Key, certificate and names in one file, so that they cannot fall apart. */
interface Saved {
  readonly names: readonly ServerName[];
  readonly server: Authority['server'];
}

const savedSchema = z.object({
  names: z.array(z.object({ type: z.enum(['dns', 'ip']), value: z.string() })),
  server: z.object({ keyPem: z.string(), certificatePem: z.string() }),
});

/** Undefined where the file is missing or damaged: nobody trusts this certificate itself, so that a new one serves as well. */
async function readSaved(path: string): Promise<Saved | undefined> {
  try {
    if (!(await stat(path)).isFile()) return undefined;
    return savedSchema.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch {
    return undefined;
  }
}

function stillServes(saved: Saved, renewal: Renewal): boolean {
  try {
    const certificate = new X509Certificate(saved.server.certificatePem);
    const issuer = new X509Certificate(renewal.authority.certificatePem);
    return (
      canonicalJson(saved.names) === canonicalJson(renewal.names) &&
      certificate.validToDate.getTime() - renewal.nowMs >= renewBeforeMs &&
      certificate.verify(issuer.publicKey) &&
      certificate.checkPrivateKey(createPrivateKey(saved.server.keyPem))
    );
  } catch {
    return false;
  }
}

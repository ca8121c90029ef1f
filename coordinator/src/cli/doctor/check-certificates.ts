import { createPrivateKey, X509Certificate } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import type { Check } from './check.ts';

/** The server's certificate is renewed at every start within 30 days of its end; under this it was not. */
const wantedDays = 14;

const savedSchema = z.object({ server: z.object({ certificatePem: z.string() }) });

/** Until when the certificate authority's and the server's certificates hold. */
export const checkCertificates: Check = async ({ dataDir }) => {
  const what = 'certificates';
  try {
    const authority = await readCertificate(join(dataDir, 'pki', 'ca.crt'));
    await checkKey(join(dataDir, 'pki', 'ca.key'), authority);
    const saved = savedSchema.parse(JSON.parse(await readFile(join(dataDir, 'pki', 'server.json'), 'utf8')));
    const server = new X509Certificate(saved.server.certificatePem);
    const detail = `authority until ${dayOf(authority)}, server until ${dayOf(server)}`;
    const leftDays = (Math.min(endOf(authority), endOf(server)) - Date.now()) / 86_400_000;
    if (leftDays >= wantedDays) return { what, state: 'ok', detail };
    const fix = 'Check the clock, then restart the coordinator: it renews the server’s certificate.';
    return { what, state: leftDays > 0 ? 'warning' : 'failed', detail, fix };
  } catch (thrown) {
    if (!existsSync(join(dataDir, 'pki', 'server.json'))) {
      return { what, state: 'ok', detail: 'made at the first `./qfleet up`' };
    }
    const fix = 'Restore the folder pki from a backup, or move it away and add the devices again.';
    return { what, state: 'failed', detail: (thrown as Error).message, fix };
  }
};

async function readCertificate(path: string): Promise<X509Certificate> {
  const bytes = await readFile(path);
  try {
    return new X509Certificate(bytes);
  } catch (cause) {
    throw new Error(`${path} holds no certificate; it is damaged`, { cause });
  }
}

async function checkKey(path: string, certificate: X509Certificate): Promise<void> {
  const text = await readFile(path, 'utf8');
  try {
    if (certificate.checkPrivateKey(createPrivateKey(text))) return;
  } catch (cause) {
    throw new Error(`${path} holds no private key; it is damaged`, { cause });
  }
  throw new Error(`${path} does not belong to ca.crt`);
}

function endOf(certificate: X509Certificate): number {
  return Date.parse(certificate.validTo);
}

function dayOf(certificate: X509Certificate): string {
  return new Date(endOf(certificate)).toISOString().slice(0, 10);
}

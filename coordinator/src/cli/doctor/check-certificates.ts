import { X509Certificate } from 'node:crypto';
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
    const authority = new X509Certificate(await readFile(join(dataDir, 'pki', 'ca.crt')));
    const saved = savedSchema.parse(JSON.parse(await readFile(join(dataDir, 'pki', 'server.json'), 'utf8')));
    const server = new X509Certificate(saved.server.certificatePem);
    const detail = `authority until ${dayOf(authority)}, server until ${dayOf(server)}`;
    const leftDays = (Math.min(endOf(authority), endOf(server)) - Date.now()) / 86_400_000;
    if (leftDays >= wantedDays) return { what, state: 'ok', detail };
    const fix = 'Check the clock, then restart the coordinator: it renews the server’s certificate.';
    return { what, state: leftDays > 0 ? 'warning' : 'failed', detail, fix };
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') {
      return { what, state: 'ok', detail: 'made at the first `qfleet up`' };
    }
    const fix = 'Restore the folder pki from a backup, or move it away and add the devices again.';
    return { what, state: 'failed', detail: (thrown as Error).message, fix };
  }
};

function endOf(certificate: X509Certificate): number {
  return Date.parse(certificate.validTo);
}

function dayOf(certificate: X509Certificate): string {
  return new Date(endOf(certificate)).toISOString().slice(0, 10);
}

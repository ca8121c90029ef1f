import 'reflect-metadata';
import {
  createPrivateKey,
  generateKeyPairSync,
  X509Certificate as NodeCertificate,
  type webcrypto,
} from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import {
  BasicConstraintsExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PublicKey,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509';
import { QfleetError } from '@qfleet/shared/errors.ts';
import type { Authority } from './authority.ts';
import { listServerNames } from './list-server-names.ts';
import { renewServerCertificate } from './renew-server-certificate.ts';
import { backdateMs, randomSerial, signingAlgorithm } from './sign-certificate.ts';
import { writeDurably } from './write-durably.ts';

const tenYearsMs = 3653 * 24 * 3_600_000;

export interface AuthorityOptions {
  /** Further names and addresses that agents may reach the server by. */
  readonly extraNames?: readonly string[];
  /** Milliseconds since 1970. */
  readonly nowMs: number;
}

/**
 * The authority of a data folder, in `pki/`: made once (ECDSA P-256, 10 years, key 0600), then read. The
 * server's certificate is renewed where its names have changed or it ends within 30 days. Throws
 * `configuration` (exit 78), naming the file, where one is damaged, where they do not belong together or the authority
 * itself has expired.
 */
export async function openAuthority(dataDir: string, options: AuthorityOptions): Promise<Authority> {
  const folder = join(dataDir, 'pki');
  await makeFolder(folder);
  if (!existsSync(join(folder, 'ca.crt'))) {
    refuseLostCertificate(folder);
    await makeAuthority(folder, options.nowMs);
  }
  const authority = await readAuthority(folder, options.nowMs);
  const names = listServerNames(options.extraNames ?? []);
  const server = await renewServerCertificate({ folder, authority, names, nowMs: options.nowMs });
  return { ...authority, server };
}

/** The certificate is written last: without it there is no authority, and the next start makes one. */
async function makeAuthority(folder: string, nowMs: number): Promise<void> {
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const keyPem = pair.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
  const publicKey = new PublicKey(new Uint8Array(pair.publicKey.export({ type: 'spki', format: 'der' })));
  const name = `CN=qfleet authority ${randomSerial().slice(0, 8)}`;
  const certificate = await X509CertificateGenerator.create({
    serialNumber: randomSerial(),
    subject: name,
    issuer: name,
    notBefore: new Date(nowMs - backdateMs),
    notAfter: new Date(nowMs + tenYearsMs),
    signingAlgorithm,
    publicKey,
    signingKey: await toSigningKey(keyPem),
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(publicKey),
    ],
  });
  await writeDurably(join(folder, 'ca.key'), keyPem, 0o600);
  await writeDurably(join(folder, 'ca.crt'), `${certificate.toString('pem')}\n`, 0o644);
}

const restoreHint =
  'Restore the folder pki from a backup (README, "Backup and restore"), or move it away and add the devices again.';

async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw unusable(folder, `cannot be used as a folder: ${(cause as Error).message}`, cause);
  }
}

/** The server's certificate comes after the authority's: where it is there, the authority was whole, and devices trust it. */
function refuseLostCertificate(folder: string): void {
  if (!existsSync(join(folder, 'server.json'))) return;
  throw unusable(
    join(folder, 'ca.crt'),
    'is missing: the certificate of the authority that the devices trust',
  );
}

async function readAuthority(folder: string, nowMs: number): Promise<Omit<Authority, 'server'>> {
  const certificatePath = join(folder, 'ca.crt');
  const certificatePem = await readPem(certificatePath);
  const certificate = await parsed(
    certificatePath,
    'no certificate',
    () => new X509Certificate(certificatePem),
  );
  if (certificate.notAfter.getTime() <= nowMs) {
    throw new QfleetError(
      'configuration',
      `The certificate authority in ${folder} ended on ${certificate.notAfter.toISOString()}.`,
      { hint: 'Check the clock; if it is right, move that folder away and add the devices again.' },
    );
  }
  const keyPath = join(folder, 'ca.key');
  const keyPem = await readPem(keyPath);
  const signingKey = await parsed(keyPath, 'no private key for ECDSA on P-256', () => toSigningKey(keyPem));
  checkPair(folder, keyPem, certificate);
  return { certificatePem, signingKey, subject: certificate.subject };
}

/** A named pipe would be read for ever. */
async function readPem(path: string): Promise<string> {
  try {
    const found = await stat(path);
    if (!found.isFile()) throw new Error(found.isDirectory() ? 'it is a folder' : 'it is no regular file');
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw unusable(path, `cannot be read: ${(cause as Error).message}`, cause);
  }
}

/** What a parser says of damaged bytes ("DECODER routines::unsupported") helps nobody without the file's name. */
async function parsed<T>(path: string, what: string, parse: () => T | Promise<T>): Promise<T> {
  try {
    return await parse();
  } catch (cause) {
    throw unusable(path, `holds ${what}; it is damaged`, cause);
  }
}

function unusable(path: string, what: string, cause?: unknown): QfleetError {
  return new QfleetError('configuration', `${path} ${what}.`, { hint: restoreHint, cause });
}

function checkPair(folder: string, keyPem: string, certificate: X509Certificate): void {
  const parsed = new NodeCertificate(Buffer.from(certificate.rawData));
  if (parsed.checkPrivateKey(createPrivateKey(keyPem))) return;
  throw new QfleetError('configuration', `ca.key and ca.crt in ${folder} do not belong together.`, {
    hint: 'Restore both from the same backup.',
  });
}

function toSigningKey(keyPem: string): Promise<webcrypto.CryptoKey> {
  const der = createPrivateKey(keyPem).export({ type: 'pkcs8', format: 'der' });
  return crypto.subtle.importKey('pkcs8', new Uint8Array(der), signingAlgorithm, false, ['sign']);
}

import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { QfleetError } from '@qfleet/shared/errors.ts';
import { describeCertificateEnd } from './describe-certificate-end.ts';

/** What makes an agent its device: made by `qfleet device add NAME --out DIR`. */
export interface Identity {
  readonly deviceId: string;
  readonly key: KeyObject;
  /** PEM, for TLS. */
  readonly keyPem: Buffer;
  readonly certificatePem: Buffer;
  readonly caPem: Buffer;
  /** Until when the certificate holds, milliseconds since 1970. */
  readonly certificateEndsAtMs: number;
  /** Things that are not right and do not hinder, in words. */
  readonly warnings: readonly string[];
}

const remedy =
  'Make the folder on the coordinator with: ./qfleet device add NAME --out DIR, and copy all of it.';
const idPattern = /URI:spiffe:\/\/qfleet\/device\/([A-Za-z0-9._-]+)/;

/**
 * Reads and checks an identity folder: `device.key` (Ed25519, PKCS#8 PEM), `device.crt`, `ca.crt`. Throws
 * `configuration` with the one thing that is wrong and what to do.
 */
export async function readIdentity(folder: string): Promise<Identity> {
  const keyPem = await readPart(folder, 'device.key');
  const certificatePem = await readPart(folder, 'device.crt');
  const caPem = await readPart(folder, 'ca.crt');
  const key = parseKey(join(folder, 'device.key'), keyPem);
  const certificate = parseCertificate(join(folder, 'device.crt'), certificatePem);
  const authority = parseCertificate(join(folder, 'ca.crt'), caPem);
  if (!certificate.checkPrivateKey(key)) {
    throw wrong(`${folder}/device.key is not the key of device.crt: the files are of different devices.`);
  }
  if (!certificate.verify(authority.publicKey)) {
    throw wrong(`${folder}/device.crt was not issued by ca.crt: the files are of different coordinators.`);
  }
  const deviceId = idPattern.exec(certificate.subjectAltName ?? '')?.[1];
  if (!deviceId)
    throw wrong(`${folder}/device.crt names no device (expected the URI spiffe://qfleet/device/ID).`);
  const warnings = [...validityWarnings(certificate), ...(await modeWarnings(join(folder, 'device.key')))];
  const certificateEndsAtMs = certificate.validToDate.getTime();
  return { deviceId, key, keyPem, certificatePem, caPem, certificateEndsAtMs, warnings };
}

async function readPart(folder: string, name: string): Promise<Buffer> {
  try {
    return await readFile(join(folder, name));
  } catch (cause) {
    const isMissing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    const problem = isMissing ? 'is missing' : `cannot be read (${(cause as Error).message})`;
    throw wrong(`${join(folder, name)} ${problem}.`, cause);
  }
}

function parseKey(path: string, pem: Buffer): KeyObject {
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch (cause) {
    throw wrong(`${path} is no private key in PEM.`, cause);
  }
  if (key.asymmetricKeyType === 'ed25519') return key;
  throw wrong(`${path}: expected an Ed25519 key, got ${key.asymmetricKeyType}.`);
}

function parseCertificate(path: string, pem: Buffer): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (cause) {
    throw wrong(`${path} is no certificate in PEM.`, cause);
  }
}

/** A board without a clock starts in 1970 and must be told so, or TLS fails in riddles; the clock may yet be set. */
function validityWarnings({ validFromDate, validToDate }: X509Certificate): string[] {
  const now = Date.now();
  if (now < validFromDate.getTime()) {
    return [
      `This device's clock says ${new Date(now).toISOString()}, before its certificate begins (${validFromDate.toISOString()}). Set the clock (timedatectl); until then TLS will fail.`,
    ];
  }
  const end = describeCertificateEnd(validToDate.getTime(), now);
  return end === undefined ? [] : [end];
}

async function modeWarnings(path: string): Promise<string[]> {
  const { mode } = await stat(path);
  return mode & 0o077
    ? [`${path} can be read by others (mode ${(mode & 0o777).toString(8)}); run: chmod 600 ${path}`]
    : [];
}

function wrong(message: string, cause?: unknown): QfleetError {
  return new QfleetError('configuration', message, { hint: remedy, cause });
}

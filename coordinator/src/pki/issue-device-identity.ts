import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import type { Authority } from './authority.ts';
import { deviceUri } from './device-uri.ts';
import { signCertificate } from './sign-certificate.ts';

const yearMs = 365 * 24 * 3_600_000;

/** What a device needs to be itself. */
export interface DeviceIdentity {
  readonly keyPem: string;
  readonly certificatePem: string;
  /** The authority that the device trusts. */
  readonly caPem: string;
  /** SubjectPublicKeyInfo, DER, base64: what the store registers. */
  readonly publicKey: string;
  /** Milliseconds since 1970, whole seconds. */
  readonly certificateEndsAtMs: number;
}

/** A new Ed25519 key and a certificate for it: to connect as a client, for one year, as that device and nobody else. */
export async function issueDeviceIdentity(request: {
  readonly authority: Authority;
  readonly deviceId: string;
  readonly nowMs: number;
}): Promise<DeviceIdentity> {
  const pair = generateKeyPairSync('ed25519');
  const spki = pair.publicKey.export({ type: 'spki', format: 'der' });
  const certificatePem = await signCertificate({
    authority: request.authority,
    publicKey: new Uint8Array(spki),
    commonName: request.deviceId,
    names: [{ type: 'url', value: deviceUri(request.deviceId) }],
    usage: 'clientAuth',
    nowMs: request.nowMs,
    validMs: yearMs,
  });
  return {
    keyPem: pair.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
    certificatePem,
    caPem: request.authority.certificatePem,
    publicKey: spki.toString('base64'),
    certificateEndsAtMs: new X509Certificate(certificatePem).validToDate.getTime(),
  };
}

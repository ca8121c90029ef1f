import 'reflect-metadata';
import { randomBytes } from 'node:crypto';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type JsonGeneralNames,
  KeyUsageFlags,
  KeyUsagesExtension,
  PublicKey,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509';
import type { Authority } from './authority.ts';

/** How far certificates reach back, milliseconds: a Raspberry Pi has no clock of its own and may lag. */
export const backdateMs = 5 * 60_000;

/** How the authority itself signs: ECDSA on P-256 with SHA-256. */
export const signingAlgorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

export interface CertificateRequest {
  readonly authority: Pick<Authority, 'certificatePem' | 'signingKey' | 'subject'>;
  /** SubjectPublicKeyInfo, DER. */
  readonly publicKey: Uint8Array<ArrayBuffer>;
  readonly commonName: string;
  readonly names: JsonGeneralNames;
  readonly usage: 'serverAuth' | 'clientAuth';
  readonly nowMs: number;
  readonly validMs: number;
}

/** An end-entity certificate, PEM: one purpose, a random 128-bit serial number, no right to sign others. */
export async function signCertificate(request: CertificateRequest): Promise<string> {
  const publicKey = new PublicKey(request.publicKey);
  const certificate = await X509CertificateGenerator.create({
    serialNumber: randomSerial(),
    subject: `CN=${request.commonName}`,
    issuer: request.authority.subject,
    notBefore: new Date(request.nowMs - backdateMs),
    notAfter: new Date(request.nowMs + request.validMs),
    signingAlgorithm,
    publicKey,
    signingKey: request.authority.signingKey,
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage[request.usage]], true),
      new SubjectAlternativeNameExtension(request.names),
      await SubjectKeyIdentifierExtension.create(publicKey),
      await AuthorityKeyIdentifierExtension.create(
        new X509Certificate(request.authority.certificatePem).publicKey,
      ),
    ],
  });
  return `${certificate.toString('pem')}\n`;
}

/** 128 random bits, hexadecimal; the top bit clear and the next set, so that it is positive and of full length. */
export function randomSerial(): string {
  const bytes = randomBytes(16);
  bytes[0] = (bytes[0]! & 0x7f) | 0x40;
  return bytes.toString('hex');
}

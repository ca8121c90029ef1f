import { createPublicKey, type KeyObject, X509Certificate } from 'node:crypto';
import { QfleetError } from '@qfleet/shared/errors.ts';
import { deviceIdOf } from '../pki/device-uri.ts';
import { keyFingerprint } from '../pki/key-fingerprint.ts';
import type { DeviceRecord } from '../store/records.ts';

/** What whoever verifies a bundle knows from elsewhere, PEM: of anything in the bundle anybody may have made another. */
export interface Trust {
  /** The fleet's authority: `ca.crt` of an identity's folder, or of `pki` in the coordinator's data. */
  readonly ca?: string;
  /** Keys of devices, or their certificates. */
  readonly keys?: readonly string[];
}

/** Whose key signed results of a bundle. */
export interface Signer {
  readonly name: string;
  readonly deviceId: string;
  /** Of its key. */
  readonly fingerprint: string;
  /** Fingerprint of the authority that certified it, by a certificate in the bundle; absent where there is none. */
  readonly authority?: string;
}

type SigningDevice = Pick<DeviceRecord, 'id' | 'name' | 'publicKey' | 'certificatePem'>;

/**
 * The devices whose keys signed, each held against its certificate (its own key, its own id, issued by the authority)
 * and against what is trusted from elsewhere. `ownCa` is the bundle's, and says no more than that the bundle agrees with
 * itself. Throws `refused` with the first thing that does not fit, `invalid-argument` for files that are no keys.
 */
export function judgeSigners(
  devices: readonly SigningDevice[],
  ownCa: string | undefined,
  trust: Trust,
): Signer[] {
  const trustedCa = trust.ca === undefined ? undefined : readCertificate(trust.ca, 'given with --ca');
  if (trustedCa && !trustedCa.ca) {
    throw new QfleetError('invalid-argument', 'The certificate given with --ca is no authority’s.', {
      hint: 'Give ca.crt, not device.crt.',
    });
  }
  const authority = trustedCa ?? (ownCa === undefined ? undefined : readCertificate(ownCa, 'of the bundle'));
  const keys = trust.keys?.map((pem) => keyFingerprint(readKey(pem)));
  return devices.map((device) => {
    const fingerprint = keyFingerprint(device.publicKey);
    if (keys && !keys.includes(fingerprint)) {
      throw new QfleetError(
        'refused',
        `The key of ${device.name} is ${fingerprint}; given with --key: ${keys.join(', ')}.`,
        { hint: 'The results were signed by another key, or that of this device was not given.' },
      );
    }
    const isCertified = checkCertificate(device, authority, trustedCa !== undefined);
    return {
      name: device.name,
      deviceId: device.id,
      fingerprint,
      ...(isCertified && authority && { authority: keyFingerprint(authority.publicKey) }),
    };
  });
}

/** Whether there is a certificate; it then has to be the device's own, issued by the authority. */
function checkCertificate(
  { id, name, publicKey, certificatePem }: SigningDevice,
  authority: X509Certificate | undefined,
  isRequired: boolean,
): boolean {
  if (certificatePem === undefined || !authority) {
    if (!isRequired) return false;
    throw new QfleetError('refused', `The bundle carries no certificate of ${name}.`, {
      hint: 'It was made by an older qfleet, or before the device connected again; give its key with --key.',
    });
  }
  const certificate = readCertificate(certificatePem, `of ${name}`);
  const problem =
    (keyFingerprint(certificate.publicKey) !== keyFingerprint(publicKey) && 'is for another key') ||
    (deviceIdOf(certificate.subjectAltName) !== id && 'is for another device') ||
    (!isIssuedBy(certificate, authority) &&
      `was not issued by the authority ${keyFingerprint(authority.publicKey)}`);
  if (!problem) return true;
  throw new QfleetError('refused', `The certificate of ${name} ${problem}.`, {
    hint: 'Whoever made the bundle has no identity of that fleet; or it is another fleet’s authority.',
  });
}

function isIssuedBy(certificate: X509Certificate, authority: X509Certificate): boolean {
  return authority.ca && certificate.checkIssued(authority) && certificate.verify(authority.publicKey);
}

function readCertificate(pem: string, which: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (cause) {
    throw new QfleetError('invalid-argument', `The certificate ${which} cannot be read.`, {
      hint: 'Expected a certificate in PEM: -----BEGIN CERTIFICATE-----',
      cause,
    });
  }
}

/** A public key, a certificate, or a private key, of which the public one is taken. */
function readKey(pem: string): KeyObject {
  try {
    return createPublicKey(pem);
  } catch (cause) {
    throw new QfleetError('invalid-argument', 'The key given with --key cannot be read.', {
      hint: 'Expected a public key or a certificate in PEM, such as device.crt.',
      cause,
    });
  }
}

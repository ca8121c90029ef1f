import { X509Certificate } from 'node:crypto';
import type { ServerUnaryCall } from '@grpc/grpc-js';
import { QfleetError } from '@qfleet/shared/errors.ts';
import { renewalHint } from '../pki/certificate-end.ts';
import { deviceIdOf } from '../pki/device-uri.ts';
import type { DeviceRecord } from '../store/records.ts';
import type { Store } from '../store/store.ts';

export interface PeerIdentity {
  readonly device: DeviceRecord;
  /** The certificate that it connected with, PEM. */
  readonly certificatePem: string;
  /** End of that certificate, milliseconds since 1970. */
  readonly validUntilMs: number;
}

/**
 * Who calls: the id stands in the certificate that TLS has verified, never in a message. The device must
 * be approved, the key must be the one it was registered with, and the certificate must hold still, which
 * TLS checks only when a connection begins. Throws `unauthenticated`, which says more only to the device itself.
 */
export async function identifyPeer(
  call: Pick<ServerUnaryCall<unknown, unknown>, 'getAuthContext'>,
  store: Pick<Store, 'findDevice'>,
): Promise<PeerIdentity> {
  const peer = call.getAuthContext().sslPeerCertificate;
  const deviceId = deviceIdOf(peer?.subjectaltname);
  const device = deviceId === undefined ? undefined : await store.findDevice(deviceId);
  if (!peer || !device || device.id !== deviceId || device.state !== 'approved') throw notAllowed();
  const certificate = new X509Certificate(peer.raw);
  const key = certificate.publicKey.export({ type: 'spki', format: 'der' }).toString('base64');
  const validUntilMs = certificate.validToDate.getTime();
  if (key !== device.publicKey) throw notAllowed();
  if (validUntilMs <= Date.now()) throw certificateExpired(device.name, validUntilMs);
  return { device, certificatePem: certificate.toString(), validUntilMs };
}

/** The id in the certificate that TLS has verified, before anything is looked up; empty where it names none. */
export function claimedDeviceId(call: Pick<ServerUnaryCall<unknown, unknown>, 'getAuthContext'>): string {
  return deviceIdOf(call.getAuthContext().sslPeerCertificate?.subjectaltname) ?? '';
}

/** What a device hears that may not act. */
export function notAllowed(): QfleetError {
  return new QfleetError('unauthenticated', 'This device is not, or no longer, a member of the fleet.', {
    hint: 'On the coordinator: ./qfleet device ls. To let it in again: ./qfleet device rm NAME, ./qfleet device add NAME --out DIR, and start its agent with that folder.',
  });
}

/** What a device hears whose certificate has run out: since when, and what to do. */
export function certificateExpired(name: string, endedAtMs: number): QfleetError {
  const ended = new Date(endedAtMs).toISOString();
  return new QfleetError(
    'unauthenticated',
    `The certificate of ${name} expired on ${ended}; the coordinator's clock says ${new Date().toISOString()}.`,
    { hint: renewalHint(name) },
  );
}

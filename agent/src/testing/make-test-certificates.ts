import 'reflect-metadata';
import { generateKeyPairSync, webcrypto } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type JsonGeneralNames,
  PublicKey,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from '@peculiar/x509';
import { coordinatorName } from '@qfleet/shared/grpc/agent-service.ts';

const signingAlgorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const hourMs = 3_600_000;

interface Authority {
  readonly keys: webcrypto.CryptoKeyPair;
  readonly pem: string;
}

interface Leaf {
  readonly keyPem: string;
  readonly certificatePem: string;
}

/** An authority, a server certificate with the coordinator's name alone, and identity folders of devices, all real, for one test. */
export interface TestCertificates {
  readonly caPem: string;
  readonly server: Leaf;
  /** Another one of the coordinator, that ends at another time, milliseconds since 1970. */
  issueServer(endsAtMs: number): Promise<Leaf>;
  /** A device's key and certificate, for clients only; with further names that no coordinator would give it. */
  issueDevice(deviceId: string, names?: JsonGeneralNames, endsAtMs?: number): Promise<Leaf>;
  /** Writes an identity folder as `qfleet device add` does. */
  writeIdentity(folder: string, deviceId: string, coordinator?: string): Promise<void>;
}

export async function makeTestCertificates(): Promise<TestCertificates> {
  const authority = await makeAuthority();
  return {
    caPem: authority.pem,
    server: await issue(authority, 'coordinator', [{ type: 'dns', value: coordinatorName }], 'serverAuth'),
    issueServer: (endsAtMs) =>
      issue(authority, 'coordinator', [{ type: 'dns', value: coordinatorName }], 'serverAuth', endsAtMs),
    issueDevice: (deviceId, names = [], endsAtMs = undefined) =>
      issue(authority, deviceId, [deviceName(deviceId), ...names], 'clientAuth', endsAtMs),
    writeIdentity: async (folder, deviceId, coordinator) => {
      const device = await issue(authority, deviceId, [deviceName(deviceId)], 'clientAuth');
      await mkdir(folder, { recursive: true });
      await writeFile(join(folder, 'device.key'), device.keyPem, { mode: 0o600 });
      await writeFile(join(folder, 'device.crt'), device.certificatePem);
      await writeFile(join(folder, 'ca.crt'), authority.pem);
      if (coordinator)
        await writeFile(join(folder, 'agent.yaml'), `coordinator: ${coordinator}\nname: ${deviceId}\n`);
    },
  };
}

async function makeAuthority(): Promise<Authority> {
  const keys = (await webcrypto.subtle.generateKey(signingAlgorithm, true, [
    'sign',
    'verify',
  ])) as webcrypto.CryptoKeyPair;
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: 'CN=test authority',
    notBefore: new Date(Date.now() - hourMs),
    notAfter: new Date(Date.now() + hourMs),
    signingAlgorithm,
    keys: keys as never,
    extensions: [new BasicConstraintsExtension(true, undefined, true)],
  });
  return { keys, pem: certificate.toString('pem') };
}

function deviceName(deviceId: string): JsonGeneralNames[number] {
  return { type: 'url', value: `spiffe://qfleet/device/${deviceId}` };
}

async function issue(
  authority: Authority,
  commonName: string,
  names: JsonGeneralNames,
  usage: 'serverAuth' | 'clientAuth',
  endsAtMs = Date.now() + 1000 * hourMs,
): Promise<Leaf> {
  const pair = generateKeyPairSync('ed25519');
  const spki = new Uint8Array(pair.publicKey.export({ type: 'spki', format: 'der' }));
  const certificate = await X509CertificateGenerator.create({
    subject: `CN=${commonName}`,
    issuer: 'CN=test authority',
    notBefore: new Date(Date.now() - 1000 * hourMs),
    notAfter: new Date(endsAtMs),
    signingAlgorithm,
    publicKey: new PublicKey(spki),
    signingKey: authority.keys.privateKey as never,
    extensions: [
      new ExtendedKeyUsageExtension([ExtendedKeyUsage[usage]], true),
      new SubjectAlternativeNameExtension(names),
    ],
  });
  return {
    keyPem: pair.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
    certificatePem: certificate.toString('pem'),
  };
}

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createPublicKey, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { type ConnectionOptions, connect, createServer } from 'node:tls';
import { coordinatorName } from '@qfleet/shared/grpc/agent-service.ts';
import type { Authority } from './authority.ts';
import { deviceIdOf, deviceUri } from './device-uri.ts';
import { issueDeviceIdentity } from './issue-device-identity.ts';
import type { ServerName } from './list-server-names.ts';
import { openAuthority } from './open-authority.ts';
import { renewServerCertificate } from './renew-server-certificate.ts';

const root = mkdtempSync(join(tmpdir(), 'qfleet-pki-'));
after(() => rmSync(root, { recursive: true, force: true }));
const nowMs = Date.UTC(2026, 10, 1);
const dayMs = 24 * 3_600_000;
let folders = 0;
const makeFolder = (): string => join(root, String(folders++));
const deviceId = `dev_${'a'.repeat(26)}`;

test('the authority is made once and its key is private', async () => {
  const folder = makeFolder();
  const first = await openAuthority(folder, { nowMs });
  const second = await openAuthority(folder, { nowMs: nowMs + dayMs });
  assert.equal(second.certificatePem, first.certificatePem);
  assert.equal(statSync(join(folder, 'pki', 'ca.key')).mode & 0o777, 0o600);
  const certificate = new X509Certificate(first.certificatePem);
  assert.ok(certificate.ca);
  assert.ok(certificate.verify(certificate.publicKey));
  assert.equal(certificate.validToDate.getUTCFullYear(), 2036);
});

test('the server certificate holds for the coordinator’s fixed name, loopback, the host and the names asked for', async () => {
  const authority = await openAuthority(makeFolder(), { nowMs, extraNames: ['fleet.example', '192.0.2.7'] });
  const certificate = new X509Certificate(authority.server.certificatePem);
  assert.ok(certificate.checkIssued(new X509Certificate(authority.certificatePem)));
  assert.equal(certificate.checkHost(coordinatorName), coordinatorName);
  assert.equal(certificate.checkHost('localhost'), 'localhost');
  assert.equal(certificate.checkHost('fleet.example'), 'fleet.example');
  assert.equal(certificate.checkIP('127.0.0.1'), '127.0.0.1');
  assert.equal(certificate.checkIP('::1'), '::1');
  assert.equal(certificate.checkIP('192.0.2.7'), '192.0.2.7');
  assert.equal(certificate.checkHost('elsewhere.example'), undefined);
  assert.deepEqual(certificate.keyUsage, ['1.3.6.1.5.5.7.3.1']);
});

test('the server certificate is renewed when its names change or its end is near, else kept', async () => {
  const folder = makeFolder();
  const certificateAt = async (atMs: number, extraNames: string[]): Promise<string> =>
    (await openAuthority(folder, { nowMs: atMs, extraNames })).server.certificatePem;
  const first = await certificateAt(nowMs, []);
  assert.equal(await certificateAt(nowMs + 300 * dayMs, []), first);
  assert.notEqual(await certificateAt(nowMs + 368 * dayMs, []), first);
  const renewed = await certificateAt(nowMs + 368 * dayMs, []);
  assert.notEqual(await certificateAt(nowMs + 368 * dayMs, ['fleet.example']), renewed);
});

test('a server certificate from before the coordinator had its fixed name is renewed', async () => {
  const folder = makeFolder();
  const authority = await openAuthority(folder, { nowMs });
  const file = join(folder, 'pki', 'server.json');
  const { names } = JSON.parse(readFileSync(file, 'utf8')) as { names: ServerName[] };
  const before = await renewServerCertificate({
    folder: join(folder, 'pki'),
    authority,
    names: names.filter(({ value }) => value !== coordinatorName),
    nowMs,
  });
  assert.equal(new X509Certificate(before.certificatePem).checkHost(coordinatorName), undefined);
  const { server } = await openAuthority(folder, { nowMs });
  assert.equal(new X509Certificate(server.certificatePem).checkHost(coordinatorName), coordinatorName);
});

test('a TLS server with a device’s certificate is refused, whatever name is looked for', async () => {
  const authority = await openAuthority(makeFolder(), { nowMs: Date.now() });
  const device = await issueDeviceIdentity({ authority, deviceId, nowMs: Date.now() });
  const { server } = authority;
  assert.equal(await connectTo(server, authority, { servername: coordinatorName }), 'connected');
  assert.equal(await connectTo(device, authority, { servername: coordinatorName }), 'INVALID_PURPOSE');
  const checkServerIdentity = (): undefined => undefined;
  assert.equal(await connectTo(device, authority, { checkServerIdentity }), 'INVALID_PURPOSE');
});

test('a device certificate names the device, for clients only, a little into the past', async () => {
  const authority = await openAuthority(makeFolder(), { nowMs });
  const identity = await issueDeviceIdentity({ authority, deviceId, nowMs });
  const certificate = new X509Certificate(identity.certificatePem);
  assert.equal(deviceIdOf(certificate.subjectAltName), deviceId);
  assert.deepEqual(certificate.keyUsage, ['1.3.6.1.5.5.7.3.2']);
  assert.equal(certificate.ca, false);
  assert.ok(certificate.verify(createPublicKey(identity.caPem)));
  assert.equal(certificate.publicKey.asymmetricKeyType, 'ed25519');
  const spki = certificate.publicKey.export({ type: 'spki', format: 'der' }).toString('base64');
  assert.equal(spki, identity.publicKey);
  assert.equal(certificate.validFromDate.getTime(), nowMs - 5 * 60_000);
  assert.equal(certificate.serialNumber.length, 32);
});

test('a key of another authority is found out', async () => {
  const folder = makeFolder();
  const other = makeFolder();
  await openAuthority(folder, { nowMs });
  await openAuthority(other, { nowMs });
  writeFileSync(join(folder, 'pki', 'ca.key'), readFileSync(join(other, 'pki', 'ca.key')));
  await assert.rejects(openAuthority(folder, { nowMs }), { code: 'configuration' });
  rmSync(join(folder, 'pki', 'ca.key'));
  await assert.rejects(openAuthority(folder, { nowMs }), { code: 'configuration' });
});

test('an authority that has ended is said, with its date', async () => {
  const folder = makeFolder();
  await openAuthority(folder, { nowMs });
  await assert.rejects(openAuthority(folder, { nowMs: nowMs + 3700 * dayMs }), { message: /2036/ });
});

test('only a lone name of ours is a device id', () => {
  assert.equal(deviceIdOf(`URI:${deviceUri(deviceId)}`), deviceId);
  const other = `URI:${deviceUri(`dev_${'b'.repeat(26)}`)}`;
  for (const names of [
    undefined,
    '',
    'DNS:localhost',
    `URI:${deviceUri(deviceId)}, ${other}`,
    `URI:${deviceUri('dev_../../x')}`,
    `URI:spiffe://elsewhere/device/${deviceId}`,
    `DNS:x, URI:${deviceUri(deviceId)}`,
  ]) {
    assert.equal(deviceIdOf(names), undefined, names);
  }
});

/** What becomes of a TLS client of the authority's fleet at a server with this key and certificate. */
async function connectTo(
  { keyPem, certificatePem }: { readonly keyPem: string; readonly certificatePem: string },
  authority: Authority,
  options: ConnectionOptions,
): Promise<string> {
  const listener = createServer({ key: keyPem, cert: certificatePem }, (socket) => socket.end());
  listener.on('tlsClientError', () => undefined);
  await once(listener.listen(0, '127.0.0.1'), 'listening');
  const { port } = listener.address() as AddressInfo;
  const client = connect({ host: '127.0.0.1', port, ca: authority.certificatePem, ...options });
  try {
    await once(client, 'secureConnect');
    return 'connected';
  } catch (thrown) {
    return (thrown as NodeJS.ErrnoException).code ?? String(thrown);
  } finally {
    client.destroy();
    listener.close();
  }
}

function replaceBy(program: string, path: string): void {
  rmSync(path);
  execFileSync(program, [path]);
}

test('a damaged, missing or misplaced file of the authority is named with the way back', async () => {
  const cases: [string, (path: string) => void][] = [
    ['ca.key', (path) => writeFileSync(path, 'junk')],
    [
      'ca.key',
      (path) => writeFileSync(path, '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n'),
    ],
    ['ca.key', (path) => rmSync(path)],
    ['ca.crt', (path) => writeFileSync(path, 'junk')],
    ['ca.crt', (path) => rmSync(path)],
    ['ca.crt', (path) => replaceBy('mkdir', path)],
    ['ca.key', (path) => replaceBy('mkfifo', path)],
  ];
  for (const [name, damage] of cases) {
    const folder = makeFolder();
    await openAuthority(folder, { nowMs });
    const path = join(folder, 'pki', name);
    damage(path);
    await assert.rejects(
      openAuthority(folder, { nowMs }),
      (error: Error & { code: string; hint?: string }) => {
        assert.equal(error.code, 'configuration', error.message);
        assert.ok(error.message.includes(path), error.message);
        assert.match(error.hint ?? '', /[Rr]estore/);
        return true;
      },
    );
  }
});

test('a damaged server certificate is made anew', async () => {
  const folder = makeFolder();
  const { server } = await openAuthority(folder, { nowMs });
  const path = join(folder, 'pki', 'server.json');
  const other = await openAuthority(makeFolder(), { nowMs });
  const mixed = { names: JSON.parse(readFileSync(path, 'utf8')).names };
  for (const text of [
    'junk',
    '{}',
    JSON.stringify({ ...mixed, server: { keyPem: 'junk', certificatePem: 'junk' } }),
    JSON.stringify({ ...mixed, server: { ...server, keyPem: other.server.keyPem } }),
  ]) {
    writeFileSync(path, text);
    const again = await openAuthority(folder, { nowMs });
    assert.ok(new X509Certificate(again.server.certificatePem).ca === false);
    assert.notEqual(again.server.certificatePem, server.certificatePem);
  }
});

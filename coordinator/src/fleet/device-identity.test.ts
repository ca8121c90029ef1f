import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { status } from '@grpc/grpc-js';
import { digestBytes } from '@qfleet/shared/digest.ts';
import { errorCodeMetadataKey } from '@qfleet/shared/grpc/agent-service.ts';
import { parse } from 'yaml';
import { issueDeviceIdentity } from '../pki/issue-device-identity.ts';
import { openAuthority } from '../pki/open-authority.ts';
import { exampleHello } from '../store/store-fixtures.ts';
import { addDevice, createDeviceId } from './add-device.ts';
import { createTestRun, refusal, startTestFleet, TestAgent } from './fleet-fixture.ts';

const digest = digestBytes('anything');

test('an agent without a certificate, or with one of another authority, is refused by TLS', async () => {
  await using fleet = await startTestFleet();
  const known = await fleet.join('known');
  const elsewhere = mkdtempSync(join(tmpdir(), 'qfleet-other-'));
  const foreign = await openAuthority(elsewhere, { nowMs: Date.now() });
  rmSync(elsewhere, { recursive: true });
  const rogue = await issueDeviceIdentity({
    authority: foreign,
    deviceId: known.deviceId,
    nowMs: Date.now(),
  });
  const caPem = fleet.authority.certificatePem;
  for (const identity of [{ caPem }, { ...rogue, caPem }]) {
    const agent = new TestAgent(fleet.fleet.address, known.deviceId, identity);
    assert.equal((await refusal(agent.statBlob(digest))).code, status.UNAVAILABLE);
    agent.close();
  }
  assert.deepEqual(await known.statBlob(digest), { complete: false, receivedBytes: 0 });
});

test('an agent does not trust a coordinator of another authority', async () => {
  await using fleet = await startTestFleet();
  const agent = await fleet.join('careful');
  const elsewhere = mkdtempSync(join(tmpdir(), 'qfleet-other-'));
  const foreign = await openAuthority(elsewhere, { nowMs: Date.now() });
  rmSync(elsewhere, { recursive: true });
  const misled = new TestAgent(fleet.fleet.address, agent.deviceId, {
    ...agent.identity,
    caPem: foreign.certificatePem,
  });
  assert.equal((await refusal(misled.statBlob(digest))).code, status.UNAVAILABLE);
  misled.close();
});

test('a certificate of ours for a device that is unknown, or has another key, is refused', async () => {
  await using fleet = await startTestFleet();
  const known = await fleet.join('known');
  for (const deviceId of [createDeviceId(), known.deviceId]) {
    const identity = await issueDeviceIdentity({ authority: fleet.authority, deviceId, nowMs: Date.now() });
    const agent = new TestAgent(fleet.fleet.address, deviceId, identity);
    const { code, metadata } = await refusal(agent.statBlob(digest));
    assert.equal(code, status.UNAUTHENTICATED);
    assert.deepEqual(metadata.get(errorCodeMetadataKey), ['unauthenticated']);
    agent.close();
  }
});

test('a revoked device is refused on an open connection, and taken again once approved', async () => {
  await using fleet = await startTestFleet();
  const agent = await fleet.join('pi');
  await agent.statBlob(digest);
  await fleet.store.setDeviceState(agent.deviceId, 'revoked');
  assert.equal((await refusal(agent.statBlob(digest))).code, status.UNAUTHENTICATED);
  await fleet.store.setDeviceState(agent.deviceId, 'approved');
  await agent.statBlob(digest);
});

test('a certificate that runs out ends the stream and the jobs of its device, and says since when', async () => {
  await using fleet = await startTestFleet();
  const deviceId = createDeviceId();
  // Issued so long ago that it ends in five seconds.
  const issuedAtMs = Date.now() + 5000 - 365 * 24 * 3_600_000;
  const identity = await issueDeviceIdentity({ authority: fleet.authority, deviceId, nowMs: issuedAtMs });
  await fleet.store.addDevice({ id: deviceId, name: 'old', publicKey: identity.publicKey });
  const agent = new TestAgent(fleet.fleet.address, deviceId, identity);
  const session = agent.connect();
  session.hello('boot');
  assert.match((await session.next('welcome')).notice, /certificate ends on .*less than a day/);
  assert.equal((await fleet.store.findDevice('old'))?.certificateEndsAtMs, identity.certificateEndsAtMs);
  await createTestRun(fleet, 'r', [deviceId], { count: 2 });
  await session.nextJob();
  const ended = await session.ended;
  assert.equal(ended?.code, status.UNAUTHENTICATED);
  const end = new Date(identity.certificateEndsAtMs).toISOString();
  assert.ok(ended?.details.includes(`The certificate of old expired on ${end}`), ended?.details);
  let run = await fleet.store.findRun('r');
  for (; run?.state === 'running'; run = await fleet.store.findRun('r')) await sleep(20);
  assert.equal(run?.state, 'failed');
  assert.match(run?.reason ?? '', /certificate-expired: 2/);
  const [job] = await fleet.store.listJobs('r');
  assert.match(job?.failure?.message ?? '', /The certificate of old expired on \d{4}-\d\d-\d\d/);
  assert.match(job?.failure?.hint ?? '', /device add old --out/);
  agent.close();
});

test('adding a device writes its identity, privately, and never over another', async () => {
  await using fleet = await startTestFleet();
  const outDir = join(fleet.folder, 'out');
  const request = { store: fleet.store, authority: fleet.authority, coordinatorAddress: 'lab:7443' };
  const { device, identity } = await addDevice({ ...request, name: 'pi', outDir });
  assert.match(device.id, /^dev_[a-z2-7]{26}$/);
  assert.equal(statSync(join(outDir, 'device.key')).mode & 0o777, 0o600);
  assert.equal(readFileSync(join(outDir, 'device.key'), 'utf8'), identity.keyPem);
  assert.equal(readFileSync(join(outDir, 'device.crt'), 'utf8'), identity.certificatePem);
  assert.equal(readFileSync(join(outDir, 'ca.crt'), 'utf8'), fleet.authority.certificatePem);
  const settings = parse(readFileSync(join(outDir, 'agent.yaml'), 'utf8')) as unknown;
  assert.deepEqual(settings, { coordinator: 'lab:7443', name: 'pi' });
  await assert.rejects(addDevice({ ...request, name: 'nano', outDir }), { code: 'already-exists' });
  assert.equal(await fleet.store.findDevice('nano'), undefined);
});

test('a name in use or unfit for a table or a shell is refused before anything is written', async () => {
  await using fleet = await startTestFleet();
  const outDir = join(fleet.folder, 'out');
  const request = { store: fleet.store, authority: fleet.authority, coordinatorAddress: 'lab:7443' };
  await addDevice({ ...request, name: 'pi' });
  await assert.rejects(addDevice({ ...request, name: 'pi', outDir }), { code: 'already-exists' });
  for (const name of ['', '-x', 'a b', '../x', 'dev_x', 'x'.repeat(64)]) {
    await assert.rejects(addDevice({ ...request, name, outDir }), { code: 'invalid-argument' });
  }
  assert.equal(existsSync(outDir), false);
});

test('an identity that cannot be written whole leaves neither a name that is taken nor files', async () => {
  await using fleet = await startTestFleet();
  const outDir = join(fleet.folder, 'out');
  // In the way of the last but one file.
  mkdirSync(join(outDir, 'agent.yaml'), { recursive: true });
  writeFileSync(join(outDir, 'ca.crt'), 'of somebody else');
  const { store, authority } = fleet;
  const request = { store, authority, name: 'pi', coordinatorAddress: fleet.fleet.address };
  await assert.rejects(addDevice({ ...request, outDir }));
  assert.equal(await store.findDevice('pi'), undefined);
  assert.deepEqual(readdirSync(outDir).toSorted(), ['agent.yaml', 'ca.crt']);
  assert.equal(readFileSync(join(outDir, 'ca.crt'), 'utf8'), 'of somebody else');
  await addDevice({ ...request, outDir: join(fleet.folder, 'other') });
  assert.equal((await store.findDevice('pi'))?.state, 'approved');
});

test('the certificate that a device was given or connects with is kept, for bundles', async () => {
  await using fleet = await startTestFleet();
  const agent = await fleet.join('pi');
  const certificatePem = async () => (await fleet.store.findDevice('pi'))?.certificatePem;
  assert.equal(await certificatePem(), agent.identity.certificatePem);
  // As if it had been added by an older version.
  await fleet.store.recordHello(agent.deviceId, { ...exampleHello('b'), certificatePem: 'none' });
  const session = await agent.open();
  await session.beat();
  assert.equal(
    new X509Certificate((await certificatePem()) ?? '').fingerprint256,
    new X509Certificate(agent.identity.certificatePem ?? '').fingerprint256,
  );
});

import assert from 'node:assert/strict';
import { createPrivateKey, sign } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { digestBytes } from '@qfleet/shared/digest.ts';
import type { JobResult } from '@qfleet/shared/result/job-result.ts';
import type { RunEvidence } from '../analysis/evidence.ts';
import { syntheticEvidence } from '../analysis/synthetic-evidence.ts';
import type { Authority } from '../pki/authority.ts';
import { type DeviceIdentity, issueDeviceIdentity } from '../pki/issue-device-identity.ts';
import { keyFingerprint } from '../pki/key-fingerprint.ts';
import { openAuthority } from '../pki/open-authority.ts';
import { describeVerification } from './describe-verification.ts';
import type { Trust } from './judge-signers.ts';
import { packBundle } from './pack-bundle.ts';
import { verifyBundle } from './verify-bundle.ts';

const folder = mkdtempSync(join(tmpdir(), 'qfleet-verify-'));
after(() => rmSync(folder, { recursive: true }));
const nowMs = Date.now();
const open = (name: string): Promise<Authority> => openAuthority(join(folder, name), { nowMs });
const [lab, elsewhere] = [await open('lab'), await open('elsewhere')];

const ids = { pi: `dev_${'p'.repeat(26)}`, nano: `dev_${'n'.repeat(26)}` };
const identify = (authority: Authority, deviceId: string): Promise<DeviceIdentity> =>
  issueDeviceIdentity({ authority, deviceId, nowMs });
const pi = await identify(lab, ids.pi);
const nano = await identify(lab, ids.nano);

const places = Object.entries(ids).map(([deviceName, deviceId]) => ({
  deviceId,
  deviceName,
  backendId: 'onnxruntime-cpu',
  inputs: 20,
}));
const evidence = syntheticEvidence({ places, launches: 6, samplesPerLaunch: 5 });

interface Change {
  readonly authority?: Authority;
  readonly identities?: { readonly pi: DeviceIdentity; readonly nano: DeviceIdentity };
  readonly withCertificates?: boolean;
  readonly change?: (evidence: RunEvidence) => RunEvidence;
  readonly changeResult?: (result: JobResult) => JobResult;
}

/** A bundle whose results are signed by these identities. */
function bundle({
  authority = lab,
  identities = { pi, nano },
  withCertificates = true,
  change = (same) => same,
  changeResult = (same) => same,
}: Change = {}): Uint8Array {
  const identityOf = (deviceId: string): DeviceIdentity =>
    deviceId === ids.pi ? identities.pi : identities.nano;
  const results = evidence.results.map(({ deviceId, result: before }) => {
    const result = changeResult(before);
    const bytes = Buffer.from(JSON.stringify(result));
    const signature = sign(null, bytes, createPrivateKey(identityOf(deviceId).keyPem));
    return { digest: digestBytes(bytes), deviceId, result, bytes, signature };
  });
  const signed: RunEvidence = {
    ...evidence,
    devices: evidence.devices.map((device) => ({
      ...device,
      publicKey: identityOf(device.id).publicKey,
      ...(withCertificates && { certificatePem: identityOf(device.id).certificatePem }),
    })),
    results: results.map(({ digest, deviceId, result }) => ({ digest, deviceId, result })),
  };
  return packBundle(change(signed), results, { version: '0.1.0', caPem: authority.certificatePem });
}

const refused = (message: RegExp) => ({ code: 'refused', message });

test('a bundle shows the keys that signed and their authority, and says what that does not prove', () => {
  const found = verifyBundle(bundle());
  assert.deepEqual(found.signers.map(({ name, fingerprint }) => [name, fingerprint]).toSorted(), [
    ['nano', keyFingerprint(nano.publicKey)],
    ['pi', keyFingerprint(pi.publicKey)],
  ]);
  assert.equal(new Set(found.signers.map(({ authority }) => authority)).size, 1);
  const said = describeVerification(found, {}).join('\n');
  assert.match(said, /pi SHA256:[A-Za-z0-9+/]{43}, certified by the authority SHA256:/);
  assert.match(said, /Not proven:\n {2}Whose keys these are: .*--ca FILE or --key FILE/);
});

test('a bundle that somebody signed anew with keys of their own holds for nobody who knows better', async () => {
  const forged = bundle({
    authority: elsewhere,
    identities: { pi: await identify(elsewhere, ids.pi), nano: await identify(elsewhere, ids.nano) },
  });
  assert.equal(verifyBundle(forged).signers.length, 2, 'it agrees with itself');
  assert.throws(
    () => verifyBundle(forged, { ca: lab.certificatePem }),
    refused(/was not issued by the authority SHA256:/),
  );
  assert.throws(
    () => verifyBundle(forged, { keys: [pi.certificatePem, nano.certificatePem] }),
    refused(/The key of .* is SHA256:.*; given with --key: SHA256:/),
  );
});

test('the fleet’s authority or the devices’ keys prove whose signatures they are', () => {
  const trust: Trust = { ca: lab.certificatePem, keys: [pi.certificatePem, nano.certificatePem] };
  const said = describeVerification(verifyBundle(bundle(), trust), trust).join('\n');
  assert.match(said, /fleet whose authority was given with --ca/);
  assert.match(said, /one that was given with --key/);
  assert.doesNotMatch(said, /Whose keys these are/);
  assert.throws(() => verifyBundle(bundle(), { keys: [pi.certificatePem] }), refused(/The key of nano/));
  const wrong: Trust[] = [{ ca: 'junk' }, { ca: pi.certificatePem }, { keys: ['junk'] }];
  for (const each of wrong) assert.throws(() => verifyBundle(bundle(), each), { code: 'invalid-argument' });
});

test('a certificate of another key or device, and one that is missing where an authority is given, are found out', async () => {
  const swap = (certificatePem: string) => (signed: RunEvidence) => ({
    ...signed,
    devices: signed.devices.map((device) => (device.id === ids.pi ? { ...device, certificatePem } : device)),
  });
  assert.throws(
    () => verifyBundle(bundle({ change: swap(nano.certificatePem) })),
    refused(/of pi is for another key/),
  );
  const misnamed = await identify(lab, ids.nano);
  const posing = bundle({ identities: { pi: misnamed, nano } });
  assert.throws(() => verifyBundle(posing), refused(/of pi is for another device/));
  const foreign = bundle({ authority: elsewhere });
  assert.throws(() => verifyBundle(foreign), refused(/was not issued by the authority/));
  const bare = bundle({ withCertificates: false });
  assert.deepEqual(
    verifyBundle(bare).signers.map(({ authority }) => authority),
    [undefined, undefined],
  );
  assert.throws(() => verifyBundle(bare, { ca: lab.certificatePem }), refused(/carries no certificate of/));
});

test('a result has to answer a job of the run that was given to the device that signed it', () => {
  const give = (change: (job: RunEvidence['jobs'][number]) => object) => (signed: RunEvidence) => ({
    ...signed,
    jobs: signed.jobs.map((job) =>
      job.deviceId === ids.pi && job.spec.evaluate ? { ...job, ...change(job) } : job,
    ),
  });
  const check = (change: (job: RunEvidence['jobs'][number]) => object) => () =>
    verifyBundle(bundle({ change: give(change) }));
  assert.throws(
    check(() => ({ deviceId: ids.nano })),
    refused(/answers a job of dev_n+, and was signed by dev_p+/),
  );
  assert.throws(
    check(() => ({ id: 'other' })),
    refused(/which is not in the bundle/),
  );
  assert.throws(
    check(() => ({ fence: 0 })),
    refused(/attempt 1, which the job has never had/),
  );
  assert.throws(
    check(() => ({ runId: 'other' })),
    refused(/is of the run/),
  );
});

test('a probe of an earlier run is counted as one whose job is not in the bundle', () => {
  const probes = evidence.results.filter(({ result }) => result.outcome.kind === 'probe').length;
  const earlier = bundle({
    changeResult: (result) =>
      result.outcome.kind === 'probe'
        ? { ...result, runId: 'earlier', jobId: `earlier-${result.jobId}` }
        : result,
    change: (signed) => ({ ...signed, jobs: signed.jobs.filter(({ kind }) => kind !== 'probe') }),
  });
  const found = verifyBundle(earlier);
  assert.equal(found.earlierProbes, probes);
  assert.match(describeVerification(found, {}).join('\n'), /2 probes are of earlier runs/);
});

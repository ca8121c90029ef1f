import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { digestBytes } from '@qfleet/shared/digest.ts';
import { createLogger } from '@qfleet/shared/logger.ts';
import type { RunEvidence } from '../../analysis/evidence.ts';
import { syntheticEvidence } from '../../analysis/synthetic-evidence.ts';
import { openFileBlobStore } from '../../blobs/file-blob-store.ts';
import { storeEvidence } from '../../evidence/store-evidence.fixture.ts';
import { type Coordinator, startCoordinator } from '../../main/start-coordinator.ts';
import { openStore } from '../../store/open-store.ts';

const main = fileURLToPath(new URL('../main.ts', import.meta.url));
let dataDir = '';
let coordinator: Coordinator;
before(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'qfleet-gate-'));
  const store = await openStore(dataDir);
  const blobs = await openFileBlobStore(join(dataDir, 'blobs'));
  const place = { deviceId: 'pi3', backendId: 'onnxruntime-cpu', latencyNs: 2e6 };
  const first = syntheticEvidence({ places: [place] });
  await storeEvidence({ ...first, run: { ...first.run, name: 'glyphs' } }, store, blobs);
  const second = syntheticEvidence({ places: [{ ...place, deviceId: 'pi5' }], evaluates: false });
  await storeEvidence(asOtherModel(second), store, blobs);
  await store[Symbol.asyncDispose]();
  coordinator = await startCoordinator({
    dataDir,
    api: { host: '127.0.0.1', port: 0 },
    fleet: { host: '127.0.0.1', port: 0 },
    publicHosts: [],
    allowedHosts: [],
    logger: createLogger({ name: 'test', level: 'silent' }),
  });
});
after(async () => {
  await coordinator[Symbol.asyncDispose]();
  await rm(dataDir, { recursive: true });
});

/** The same run of a model of another name, under ids of its own. */
function asOtherModel(evidence: RunEvidence): RunEvidence {
  const digest = digestBytes('another model');
  const runId = 'run_other';
  const jobId = (id: string): string => `other-${id}`;
  return {
    ...evidence,
    model: { ...evidence.model, digest, name: 'faces' },
    variants: evidence.variants.map((variant) => ({ ...variant, modelDigest: digest })),
    run: { ...evidence.run, id: runId, name: 'other', modelDigest: digest, datasetDigest: undefined },
    jobs: evidence.jobs.map((job) => ({ ...job, id: jobId(job.id), runId })),
    results: evidence.results.map((entry) => ({
      ...entry,
      digest: digestBytes(`other ${entry.digest}`),
      result: { ...entry.result, runId, jobId: jobId(entry.result.jobId) },
    })),
  };
}

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function qfleet(...args: string[]): Promise<Ended> {
  const env = { PATH: process.env['PATH'], HOME: process.env['HOME'] };
  return new Promise((resolve) => {
    execFile(process.execPath, [main, '--data', dataDir, ...args], { env }, (error, stdout, stderr) =>
      resolve({ code: error ? Number(error.code ?? -1) : 0, stdout, stderr }),
    );
  });
}

test('compare and gate refuse a run of another model and name both', async () => {
  const policy = join(dataDir, 'policy.yaml');
  writeFileSync(policy, 'regression: {}\ntiming: [trusted, noisy, throttled, contended, insufficient]\n');
  const compared = await qfleet('compare', 'glyphs', 'other');
  const gated = await qfleet('gate', 'glyphs', '--policy', policy, '--base', 'other');
  for (const { code, stdout, stderr } of [compared, gated]) {
    assert.deepEqual([code, stdout], [1, '']);
    assert.match(stderr, /different models: glyphs of glyphnet .* other of faces/);
  }
  const same = await qfleet('gate', 'glyphs', '--policy', policy, '--base', 'glyphs');
  assert.equal(same.code, 0, same.stderr);
});

test('compat and the gate have one rule for the share on integers: what is not known is neither', async () => {
  const policy = join(dataDir, 'integers.yaml');
  writeFileSync(policy, 'minIntegerShare: 0.01\n');
  const compat = await qfleet('compat', 'glyphs', '--min-integer', '0.01');
  const gate = await qfleet('gate', 'glyphs', '--policy', policy);
  assert.deepEqual([compat.code, gate.code], [6, 6]);
  assert.match(compat.stderr, /Of no quantized variant is it known/);
  assert.match(gate.stderr, /Nothing could be checked/);
});

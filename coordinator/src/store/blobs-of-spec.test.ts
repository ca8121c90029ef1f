import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { blobsOfSpec } from './blobs-of-spec.ts';
import type { JobSpec } from './records.ts';
import { fakeDigest } from './store-fixtures.ts';

const contract = readFileSync(new URL('../../../proto/qfleet/v1/agent.proto', import.meta.url), 'utf8');

/** A message of the contract with every field filled, each digest its own; `digests` takes them by their paths. */
function fillMessage(typeName: string, path: string, digests: Map<string, string>): Record<string, unknown> {
  const body = contract.match(new RegExp(`^message ${typeName} {$([^]*?)^}$`, 'm'))?.[1];
  assert.ok(body !== undefined, `the contract has no message ${typeName}`);
  const message: Record<string, unknown> = {};
  for (const [, repeated, type = '', name = ''] of body.matchAll(/^ +(repeated )?(\w+) (\w+) = \d+;$/gm)) {
    const camelName = name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
    const fieldPath = `${path}.${name}`;
    if (/^[A-Z]/.test(type)) {
      const value = fillMessage(type, fieldPath, digests);
      message[camelName] = repeated ? [value] : value;
    } else if (name.includes('digest')) {
      digests.set(fieldPath, fakeDigest(fieldPath));
      message[camelName] = fakeDigest(fieldPath);
    }
  }
  return message;
}

test('every digest of the contract’s Job is one that its device may read', () => {
  const digests = new Map<string, string>();
  const job = fillMessage('Job', 'Job', digests);
  for (const known of [
    'Job.measure.variants.digest',
    'Job.measure.load.companions.digest',
    'Job.measure.inputs.shards.digest',
    'Job.evaluate.variant.digest',
    'Job.evaluate.inputs.shards.digest',
  ]) {
    assert.ok(digests.has(known), known);
  }
  const found = new Set(blobsOfSpec(job as unknown as JobSpec));
  assert.deepEqual(
    [...digests].filter(([, digest]) => !found.has(digest)),
    [],
  );
  assert.equal(found.size, digests.size);
});

test('a job without inputs, load or dataset names what it has', () => {
  const variant = { digest: fakeDigest('v'), name: 'v', sizeBytes: 1 };
  const inputs = { datasetDigest: '', shards: [] };
  const spec = { spec: 'measure', measure: { variants: [variant, variant], inputs, load: null } };
  assert.deepEqual(blobsOfSpec(spec as unknown as JobSpec), [variant.digest]);
});

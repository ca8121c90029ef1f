import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { jobResultSchema } from '@qfleet/shared/result/job-result.ts';
import { buildDoubling } from '../agent/src/testing/build-onnx.ts';
import { Lab } from './support/lab.ts';

interface Span {
  readonly from: number;
  readonly to: number;
}

/** From the first launch's beginning to the last's end, of every result in a laboratory's store. */
function measuredSpans(lab: Lab): Span[] {
  const store = new DatabaseSync(join(lab.data, 'qfleet.db'), { readOnly: true });
  const rows = store.prepare('SELECT bytes FROM results').all() as { bytes: Uint8Array }[];
  store.close();
  return rows.flatMap(({ bytes }) => {
    const { outcome } = jobResultSchema.parse(JSON.parse(new TextDecoder().decode(bytes)));
    if (outcome.kind !== 'measure') return [];
    const { launches } = outcome.facts;
    return [
      {
        from: Math.min(...launches.map(({ environmentBefore }) => environmentBefore?.atUnixMs ?? Infinity)),
        to: Math.max(...launches.map(({ environmentAfter }) => environmentAfter?.atUnixMs ?? 0)),
      },
    ];
  });
}

const plan = `
model: doubling
backends: [onnxruntime-cpu]
probeMaxAgeHours: -1
timing: {launches: 3, minSamples: 50, minDurationMs: 100, maxDurationMs: 400, maxWarmupSamples: 20, repeats: 0}
`;

test('agents of two coordinators on one host never measure at once', async () => {
  const lockName = `host-lock-test-${process.pid}`;
  process.env['QFLEET_AGENT_LOCK_NAME'] = lockName;
  await using first = new Lab();
  await using second = new Lab();
  for (const lab of [first, second]) {
    await lab.startCoordinator();
    await lab.startAgent('bench', '--backends', 'onnxruntime-cpu');
    const model = join(lab.folder, 'doubling.onnx');
    writeFileSync(model, buildDoubling(['N', 64]));
    await lab.qfleetOk('model', 'add', model, '--preset', 'raw');
    writeFileSync(join(lab.folder, 'plan.yaml'), plan);
  }
  const run = (lab: Lab) => lab.qfleetOk('run', 'create', join(lab.folder, 'plan.yaml'), '--wait');
  await Promise.all([run(first), run(first), run(second), run(second)]);
  const spans = [first, second].flatMap(measuredSpans).toSorted((a, b) => a.from - b.from);
  assert.equal(spans.length, 4);
  for (const [i, span] of spans.slice(1).entries()) {
    assert.ok(span.from >= spans[i]!.to, `a job began ${spans[i]!.to - span.from} ms before another ended`);
  }
});

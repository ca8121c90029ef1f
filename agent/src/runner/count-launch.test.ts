import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { EventCount } from '@qfleet/shared/result/job-result.ts';
import { plainContract } from '../jobs/fetch-pool-source.ts';
import { buildOnnx } from '../testing/build-onnx.ts';
import { temporaryFolder } from '../testing/temporary-folder.ts';
import type { CountRequest, LaunchCounts } from './protocol.ts';
import { startRunner } from './start-runner.ts';

const side = 384;

/** Three products of matrices, heavy enough for ONNX Runtime to use all its threads. */
function buildProducts(): Buffer {
  const weights = {
    name: 'w',
    dims: [side, side],
    values: Array.from({ length: side * side }, () => 1 / side),
  };
  return buildOnnx({
    inputs: [{ name: 'x', dims: [side, side] }],
    outputs: [{ name: 'y', dims: [side, side] }],
    nodes: [
      { operator: 'MatMul', inputs: ['x', 'w'], outputs: ['a'] },
      { operator: 'MatMul', inputs: ['a', 'w'], outputs: ['b'] },
      { operator: 'MatMul', inputs: ['b', 'w'], outputs: ['y'] },
    ],
    weights: [weights],
  });
}

suite('counting a launch', { skip: process.platform !== 'linux' && 'needs Linux' }, () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let variantPath = '';
  before(async () => {
    folder = await temporaryFolder();
    variantPath = join(folder.path, 'products.onnx');
    await writeFile(variantPath, buildProducts());
  });
  after(() => folder[Symbol.asyncDispose]());

  const count = async (over: Partial<CountRequest>, progress: number[] = []): Promise<LaunchCounts> => {
    await using runner = await startRunner({
      nodeCommand: [process.execPath],
      affinity: [],
      signal: new AbortController().signal,
    });
    const request: CountRequest = {
      kind: 'count',
      backend: 'onnxruntime-cpu',
      variantPath,
      threads: 2,
      providerOptions: {},
      dimensions: {},
      batch: 1,
      inputs: { kind: 'random', seed: 1, contract: plainContract },
      minInferences: 200,
      minDurationMs: 0,
      maxDurationMs: 0,
      maxWarmupSamples: 20,
      ...over,
    };
    return await runner.request(request, { onProgress: (fraction) => progress.push(fraction) });
  };
  const find = ({ events }: LaunchCounts, name: string): EventCount => {
    const found = events.find((event) => event.name === name);
    assert.ok(found, name);
    return found;
  };

  test('the threads of ONNX Runtime are counted, for the counters were there before them', {
    skip: availableParallelism() < 2 && 'needs two processors',
  }, async (context) => {
    const counts = await count({});
    const clock = find(counts, 'task-clock');
    if (clock.value === undefined) return context.skip(`no software events: ${clock.reason}`);
    // Without the second thread it would be about a half.
    const share = clock.value / counts.cpuTimeNs;
    assert.ok(share >= 0.9, `${share} of the processor time was counted`);
    assert.ok(share <= 1.1, `${share} of the processor time was counted`);
    assert.ok(find(counts, 'page-faults').value !== undefined);
  });

  test('so many inferences are counted as were asked for, and the section is announced', async () => {
    const progress: number[] = [];
    const counts = await count({ minInferences: 17 }, progress);
    assert.equal(counts.inferences, 17);
    assert.ok(counts.wallNs > 0 && counts.cpuTimeNs > 0);
    assert.deepEqual(progress, [0, 1]);
  });

  test('the maximum duration ends a count that has not reached its minimum', async () => {
    const counts = await count({ minInferences: 1e9, maxDurationMs: 50 });
    assert.ok(counts.inferences > 0 && counts.inferences < 1e9);
    assert.ok(counts.wallNs >= 50e6);
  });

  test('every event has either what it counted or why it did not', async () => {
    const { events } = await count({ minInferences: 5 });
    assert.deepEqual(
      events.slice(-4).map(({ name }) => name),
      ['task-clock', 'page-faults', 'context-switches', 'cpu-migrations'],
    );
    assert.equal(events[0]?.name, 'cycles');
    for (const { name, value, reason } of events)
      assert.ok((value === undefined) !== (reason === undefined), name);
  });
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BackendInfo__Output } from '@qfleet/shared/gen/qfleet/v1/BackendInfo.ts';
import type { Inventory } from '@qfleet/shared/inventory/inventory.ts';
import fc from 'fast-check';
import type { Variant } from '../artefacts/artefacts.ts';
import type { DeviceRecord } from '../store/records.ts';
import { exampleHello, exampleModel, exampleVariant, fakeDigest } from '../store/store-fixtures.ts';
import { expandPlan } from './expand-plan.ts';
import { planSchema } from './plan.ts';
import type { PlannedInputs, PlanRequest } from './plan-request.ts';
import { type PlannedRun, planRun } from './plan-run.ts';

const model = { ...exampleModel('mnist'), macs: 1e6 };
const variants = ['fp32', 'int8'].map((name) => exampleVariant(model, name));
const emulated = { by: 'qemu-user', cpu: 'cortex-a53' };

test('a device probes first, then measures all variants together, then evaluates each', () => {
  const { jobs, notes } = plan({ devices: [device('pi')] });
  assert.deepEqual(describe(jobs), [
    'pi 0 probe',
    'pi 1 measure onnxruntime-cpu fp32+int8',
    'pi 2 evaluate onnxruntime-cpu fp32',
    'pi 3 evaluate onnxruntime-cpu int8',
  ]);
  assert.deepEqual(notes, []);
});

test('each backend, scenario and setting is a measurement, and each backend and variant one evaluation', () => {
  const settings = [{ threads: 1 }, { threads: 4, batch: 8 }];
  const pi = device('pi', { backends: [offer('onnxruntime-cpu'), offer('onnxruntime-wasm')] });
  const { jobs } = plan({ devices: [pi, device('nano')] }, { settings });
  const kinds = describe(jobs).map((line) => line.split(' ')[2]);
  assert.deepEqual(kinds, [
    ...['probe', ...Array(4).fill('measure'), ...Array(4).fill('evaluate')],
    ...['probe', ...Array(2).fill('measure'), ...Array(2).fill('evaluate')],
  ]);
  const asked = jobs.flatMap((job) => (job.spec.measure?.settings ? [job.spec.measure.settings] : []));
  assert.deepEqual(
    asked.slice(0, 2).map(({ threads, batch }) => [threads, batch]),
    [
      [1, 1],
      [4, 8],
    ],
  );
});

test('a device that was probed of late is not probed again, unless the plan wants it', () => {
  const hasProbe = (probeMaxAgeHours: number, isRecent: boolean): boolean =>
    plan({ hasRecentProbe: () => isRecent }, { probeMaxAgeHours }).jobs.some(
      (job) => job.spec.spec === 'probe',
    );
  assert.deepEqual([hasProbe(168, true), hasProbe(168, false)], [false, true]);
  assert.deepEqual([hasProbe(0, true), hasProbe(-1, false)], [true, false]);
});

test('a machine with several agents is probed once, unless a container gives one of them less', () => {
  const on = (bootId: string, name: string, inventory: Partial<Inventory> = {}): DeviceRecord => ({
    ...device(name, { inventory }),
    bootId,
  });
  const probed = (devices: DeviceRecord[]): string[] =>
    plan({ devices }, { probeMaxAgeHours: 0 })
      .jobs.filter((job) => job.spec.spec === 'probe')
      .map((job) => job.deviceId);
  assert.deepEqual(probed([on('x', 'a'), on('x', 'b'), on('y', 'c')]), ['a', 'c']);
  assert.deepEqual(probed([on('x', 'a'), on('x', 'b', { memoryBytes: 1 })]), ['a', 'b']);
  assert.deepEqual(probed([on('x', 'a'), on('x', 'b', { emulated })]), ['a', 'b']);
});

test('an emulated device evaluates fewer inputs, is given longer and is not timed', () => {
  const board = device('virtual', { inventory: { emulated } });
  const { jobs, notes } = plan({ devices: [board, device('pi')] }, { evaluation: { emulatedLimit: 150 } });
  const [slow] = jobs.filter((job) => job.deviceId === 'virtual' && job.spec.evaluate);
  const [fast] = jobs.filter((job) => job.deviceId === 'pi' && job.spec.evaluate);
  assert.equal(slow?.spec.evaluate?.inputs?.count, 150);
  assert.deepEqual(
    slow?.spec.evaluate?.inputs?.shards.map((shard) => shard.firstIndex),
    [0, 100],
  );
  assert.equal(fast?.spec.evaluate?.inputs?.count, 250);
  assert.ok(slow!.timeLimitMs > fast!.timeLimitMs);
  assert.ok(!describe(jobs).some((line) => line.startsWith('virtual') && line.includes('measure')));
  assert.deepEqual(notes, [
    'virtual is not timed: its processor is emulated (cortex-a53 by qemu-user), so its latencies mean nothing.',
    'virtual evaluates the first 150 of 250 inputs, for it is emulated and slow.',
  ]);
});

test('a backend that is named and not to be had is noted with its reason', () => {
  const pi = device('pi', {
    backends: [offer('onnxruntime-cpu'), offer('trtexec', 'not installed'), offer('noop')],
  });
  const backends = ['onnxruntime-cpu', 'trtexec', 'openvino'];
  const { notes, jobs } = plan({ devices: [pi] }, { backends });
  assert.deepEqual(notes, [
    'trtexec is left out on pi: not installed.',
    'openvino is left out on pi: its agent does not know it.',
  ]);
  assert.ok(jobs.every((job) => job.spec.measure?.backend !== 'trtexec'));
});

test('noop runs only for those who name it, and is timed but not evaluated', () => {
  const pi = device('pi', { backends: [offer('onnxruntime-cpu'), offer('noop')] });
  assert.ok(!describe(plan({ devices: [pi] }).jobs).some((line) => line.includes('noop')));
  const named = plan({ devices: [pi] }, { backends: ['noop'], probeMaxAgeHours: -1 });
  assert.deepEqual(describe(named.jobs), ['pi 0 measure noop fp32+int8']);
  assert.deepEqual(named.notes, ['noop is not evaluated: it computes nothing.']);
});

test('timed inputs come from the first shard, or are random where nothing is evaluated', () => {
  const measured = plan({}).jobs.find((job) => job.spec.measure)?.spec.measure?.inputs;
  assert.deepEqual([measured?.count, measured?.shards.length], [100, 1]);
  assert.equal(measured?.datasetDigest, dataset.digest);
  const random = plan({ dataset: undefined }, { evaluation: undefined, seed: 9 });
  const inputs = random.jobs.find((job) => job.spec.measure)?.spec.measure?.inputs;
  assert.deepEqual([inputs?.datasetDigest, inputs?.shards, inputs?.randomSeed], ['', [], 9]);
  assert.ok(random.jobs.every((job) => !job.spec.evaluate));
});

test('a limit takes the first inputs, and what is kept never exceeds them', () => {
  const { jobs, notes } = plan({}, { evaluation: { limit: 10 } });
  const asked = jobs.find((job) => job.spec.evaluate)?.spec.evaluate;
  assert.deepEqual([asked?.inputs?.count, asked?.comparisonCount, asked?.repeatCount], [10, 10, 10]);
  assert.equal(asked?.inputs?.shards.length, 1);
  assert.deepEqual(notes, ['pi evaluates the first 10 of 250 inputs.']);
});

test('with nothing to run on or with, the plan is refused with what to do', () => {
  const refused = (change: Partial<PlanRequest>, fields: Record<string, unknown>, message: RegExp): void => {
    assert.throws(
      () => plan(change, fields),
      (error: Error & { code: string; hint: string }) => {
        assert.equal(error.code, 'failed-precondition');
        assert.match(error.message, message);
        assert.match(error.hint, /qfleet/);
        return true;
      },
    );
  };
  refused({ devices: [] }, {}, /No agent is connected/);
  refused({ variants: [] }, {}, /mnist has no variants/);
  const broken = device('pi', { backends: [offer('onnxruntime-cpu', 'crashed: SIGILL')] });
  refused({ devices: [broken] }, {}, /nothing to do\. pi is left out: .*onnxruntime-cpu: crashed: SIGILL/);
  const virtual = device('virtual', { inventory: { emulated } });
  refused({ devices: [virtual], dataset: undefined }, { evaluation: undefined }, /virtual is not timed/);
  refused({ devices: [{ ...device('new'), inventory: undefined }] }, {}, /new was left out: it has never/);
});

test('a plan that wants neither timing nor evaluation may be of probes alone', () => {
  const { jobs } = plan({ variants: [] }, { timing: { enabled: false }, evaluation: undefined });
  assert.deepEqual(describe(jobs), ['pi 0 probe']);
});

test('whatever is asked, each cell is asked once, positions count up, and the same request gives the same jobs', () => {
  const deviceArbitrary = fc.record({
    name: fc.constantFrom('a', 'b', 'c', 'd'),
    isEmulated: fc.boolean(),
    backends: fc.uniqueArray(fc.constantFrom('onnxruntime-cpu', 'onnxruntime-wasm', 'trtexec', 'noop')),
  });
  const request = fc.record({
    devices: fc.uniqueArray(deviceArbitrary, { selector: (each) => each.name, maxLength: 4 }),
    threads: fc.uniqueArray(fc.nat(8), { minLength: 1, maxLength: 3 }),
    limit: fc.nat(300),
    variantCount: fc.integer({ min: 1, max: 4 }),
    seed: fc.nat(),
  });
  fc.assert(
    fc.property(request, (asked) => {
      const change = {
        devices: asked.devices.map(({ name, isEmulated, backends }) =>
          device(name, {
            backends: backends.map((id) => offer(id)),
            ...(isEmulated ? { inventory: { emulated } } : {}),
          }),
        ),
        variants: Array.from({ length: asked.variantCount }, (_, i) => exampleVariant(model, `v${i}`)),
      };
      const fields = {
        settings: asked.threads.map((threads) => ({ threads })),
        evaluation: { limit: asked.limit },
        seed: asked.seed,
      };
      const planned: PlannedRun | undefined = attempt(() => plan(change, fields));
      if (!planned) return;
      assert.deepEqual(plan(change, fields), planned);
      assert.equal(new Set(planned.jobs.map((job) => job.id)).size, planned.jobs.length);
      for (const { id } of change.devices) {
        const own: PlannedRun['jobs'] = planned.jobs.filter((job) => job.deviceId === id);
        assert.deepEqual(
          own.map((job) => job.position),
          own.map((_, position) => position),
        );
        const order = own.map((job) => ['probe', 'measure', 'evaluate'].indexOf(job.spec.spec ?? ''));
        assert.deepEqual(order, order.toSorted());
      }
      const cells = planned.jobs.flatMap(cellsOf);
      assert.equal(new Set(cells).size, cells.length);
      for (const job of planned.jobs) checkInputs(job.spec.evaluate?.inputs ?? undefined);
      assert.ok(planned.jobs.every((job) => job.timeLimitMs > 0 && job.timeLimitMs < 2 ** 32));
    }),
    { seed: 5, numRuns: 200 },
  );
});

const dataset: PlannedInputs = {
  digest: fakeDigest('dataset'),
  item: { elementType: 'uint8', shape: [28, 28, 1] },
  shards: [0, 100, 200].map((firstIndex) => ({
    digest: fakeDigest(`shard ${firstIndex}`),
    sizeBytes: 78_400,
    firstIndex,
    count: firstIndex === 200 ? 50 : 100,
  })),
  count: 250,
};

function plan(change: Partial<PlanRequest>, fields: Record<string, unknown> = {}): PlannedRun {
  const evaluation = { dataset: 'mnist', ...(fields['evaluation'] as object | undefined) };
  const wantsEvaluation = !('evaluation' in fields) || fields['evaluation'] !== undefined;
  const { evaluation: _, ...others } = fields;
  return planRun({
    plan: expandPlan(
      planSchema.parse({ model: 'mnist', ...others, ...(wantsEvaluation ? { evaluation } : {}) }),
      { model, reference: undefined },
    ),
    model,
    variants,
    companions: [],
    devices: [device('pi')],
    dataset,
    hasRecentProbe: () => false,
    runId: 'run_1',
    ...change,
  });
}

function device(
  name: string,
  change: { backends?: BackendInfo__Output[]; inventory?: Partial<Inventory> } = {},
): DeviceRecord {
  return {
    id: name,
    name,
    publicKey: '',
    state: 'approved',
    createdAtMs: 0,
    lastSeenAtMs: 0,
    agentVersion: '0.1.0',
    bootId: name,
    inventory: { ...exampleHello('boot').inventory, ...change.inventory },
    backends: change.backends ?? [offer('onnxruntime-cpu')],
    clockOffsetMs: 0,
  };
}

/** A backend as an agent reports it; with a reason, one that is not available. */
function offer(id: string, reason = ''): BackendInfo__Output {
  return { id, available: reason === '', version: reason ? '' : '1', reason, capabilities: {} };
}

function describe(jobs: PlannedRun['jobs']): string[] {
  return jobs.map(({ deviceId, position, spec }) => {
    const { measure, evaluate } = spec;
    const names = measure?.variants.map((variant) => variant.name).join('+') ?? evaluate?.variant?.name;
    const what = [spec.spec, measure?.backend ?? evaluate?.backend, names].filter((word) => word);
    return [deviceId, position, ...what].join(' ');
  });
}

function cellsOf(job: PlannedRun['jobs'][number]): string[] {
  const { measure, evaluate } = job.spec;
  const timed = measure?.variants.map((variant: Pick<Variant, 'digest'>) => [
    ...[job.deviceId, 'measure', measure.backend, measure.scenario],
    ...[JSON.stringify(measure.settings), variant.digest],
  ]);
  const evaluated = evaluate ? [[job.deviceId, 'evaluate', evaluate.backend, evaluate.variant?.digest]] : [];
  return [...(timed ?? []), ...evaluated].map((cell) => cell.join(' '));
}

/** The shards named hold the inputs asked for, and none is there for nothing. */
function checkInputs(
  inputs: { count: number; shards: readonly { firstIndex: number; count: number }[] } | undefined,
): void {
  if (!inputs) return;
  const last = inputs.shards.at(-1);
  assert.ok(last && last.firstIndex < inputs.count && last.firstIndex + last.count >= inputs.count);
}

function attempt<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    assert.equal((error as { code?: string }).code, 'failed-precondition');
    return undefined;
  }
}

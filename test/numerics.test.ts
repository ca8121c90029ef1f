import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { createRandom } from '@qfleet/shared/random.ts';
import { writeNpz } from '../coordinator/src/cli/demo/write-npz.ts';
import { brightPictures, buildAdversarialModel } from './support/adversarial-model.ts';
import { whyNoBoards } from './support/emulated-boards.ts';
import { sampleContract, sampleModel, writeGlyphs } from './support/glyph-data.ts';
import { Lab } from './support/lab.ts';
import { projectFolder } from './support/project-folder.ts';

const boards = ['pi3', 'x86-avx2'] as const;

const adversarial = join(projectFolder, 'test/support/adversarial.onnx');
/** A network that PyTorch exported, for colour images of 16 × 16. */
const exported = join(projectFolder, 'test/foreign/float32-torchscript.onnx');

/** Tests read deep into a document that has its own schema test. */
type RunReport = Awaited<ReturnType<Lab['report']>>;

/** A quantized variant in each place: what was predicted of it, and what came of that. */
interface Predicted {
  readonly model: string;
  readonly variant: string;
  readonly place: string;
  readonly expects: string;
  readonly outcome: string;
  readonly sqnrDb: number | undefined;
}

it('the adversarial model in the repository is what its builder makes', () => {
  assert.ok(readFileSync(adversarial).equals(buildAdversarialModel()));
});

describe('the same variants natively, in WebAssembly, on an emulated Cortex-A53 and on x86 without VNNI', {
  skip: whyNoBoards(...boards),
}, () => {
  const predicted: Predicted[] = [];
  const divergence: Record<string, Divergence[]> = {};
  const reports = new Map<string, RunReport>();
  before(async () => {
    await using lab = new Lab();
    await lab.startCoordinator();
    await lab.startAgent('native', '--backends', 'onnxruntime-cpu,onnxruntime-wasm');
    await Promise.all(
      boards.map((board) => lab.startVirtualDevice(board, board, '--backends', 'onnxruntime-cpu')),
    );
    await addModels(lab);
    const untraced = join(lab.folder, 'untraced.yaml');
    writeFileSync(untraced, 'timing: {operatorProfile: false}');
    for (const [model, variants] of Object.entries(recipes)) {
      await lab.qfleetOk('quantize', model, '--calibration', model, '--recipe', variants.join(','));
      const timing = model === 'glyphs' ? ['--duration', '50', '--repeats', '0'] : ['--no-timing'];
      const order = [
        // One model tells by which kernels its layers ran: a trace takes a process of its own, slow where emulated.
        ...(model === 'bright' ? [] : [untraced]),
        '--model',
        model,
        '--dataset',
        model,
        '--limit',
        '24',
        ...timing,
        '--no-probe',
        '--wait',
      ];
      const chosen = model === 'bright' ? ['fp32', ...variants] : variants;
      await lab.qfleetOk('run', 'create', ...order, '--variants', chosen.join(','));
      const report = await lab.report();
      reports.set(model, report);
      predicted.push(...readPredictions(model, report));
    }
    const ways = {
      places: ['--between', 'native/onnxruntime-wasm,x86-avx2'],
      simulation: ['--on', 'x86-avx2', '--against', 'simulation'],
      fp32: ['--on', 'native', '--against', 'fp32'],
    };
    for (const [way, args] of Object.entries(ways)) {
      const order = ['glyphs', 'int8-per-channel', '--dataset', 'glyphs', '--inputs', '2', '-o', 'json'];
      divergence[way] = JSON.parse(await lab.qfleetOk('divergence', ...order, ...args));
    }
  });

  it('fingerprints tell the processors apart', () => {
    const { devices } = reports.get('bright');
    const products = (name: string, backend = 'onnxruntime-cpu') =>
      devices
        .find((device: { name: string }) => device.name === name)
        .backends.find((one: { id: string }) => one.id === backend).capabilities['numerics.u8s8.conv'];
    assert.deepEqual(
      [products('x86-avx2'), products('pi3'), products('native', 'onnxruntime-wasm')],
      ['saturating', 'exact', 'exact'],
    );
  });

  it('the adversarial variant answers otherwise where products saturate, its 7-bit twin nowhere', () => {
    const report = reports.get('bright');
    const reference = report.places.find((place: { isReference: boolean }) => place.isReference);
    const others = report.places.filter((place: { isReference: boolean }) => !place.isReference);
    // Natively that hangs on the processor that the tests run on.
    const unlike = others.filter((place: Place) => saturates(report, place) !== saturates(report, reference));
    assert.ok(
      unlike.length > 0,
      'WebAssembly is exact and AVX2 is not, so that one differs from the reference',
    );
    const find = (variant: string, place: string) =>
      report.comparisons.find((one: RunReport) => one.variant.name === variant && one.placeId === place)
        .prediction;
    for (const place of others) {
      const full = find('int8-per-channel', place.id);
      const expects = unlike.includes(place) ? 'differs' : 'same';
      assert.deepEqual([full.expects, full.outcome], [expects, 'confirmed'], place.id);
      const reduced = find('int8-u8s8-pc-rr', place.id);
      assert.deepEqual([reduced.expects, reduced.outcome], ['same', 'confirmed'], place.id);
    }
  });

  it('every prediction is made, and all but few of them hold', (context) => {
    // In three places each, and fp32 of one model.
    assert.equal(predicted.length, 3 * (1 + Object.values(recipes).flat().length));
    assert.deepEqual(
      predicted.filter(({ outcome }) => outcome === 'open'),
      [],
    );
    const refuted = predicted.filter(({ outcome }) => outcome === 'refuted');
    context.diagnostic(
      `${predicted.length - refuted.length} predictions confirmed, ${refuted.length} refuted`,
    );
    for (const one of predicted) context.diagnostic(JSON.stringify(one));
    // The scan knows the weights and not the activations: what can overflow need not.
    assert.ok(refuted.every(({ expects }) => expects === 'differs'));
  });

  it('the first tensor that differs is named, and how that grows to the output', () => {
    // Against its own simulation likewise: there the same kernel is what differs.
    for (const found of [divergence['places']!, divergence['simulation']!]) {
      const differing = found.filter(({ different }) => different > 0);
      // What comes in is the same; the first convolution that can overflow is where they part.
      assert.equal(found[0]?.different, 0);
      assert.match(differing[0]!.operator, /^Conv/);
      assert.ok(differing[0]!.scale! > 0 && differing[0]!.largest >= 1);
      assert.equal(found.at(-1)?.operator, 'output');
      assert.ok(found.at(-1)!.different > 0);
    }
  });

  it('fp32 and int8 are held against each other tensor by tensor on one device', () => {
    const found = divergence['fp32']!;
    assert.ok(found.length >= 4, 'layers and the output');
    assert.equal(found.at(-1)?.operator, 'output');
    for (const { tensor, sqnrDb } of found) assert.ok(sqnrDb! > 0 && sqnrDb! < 80, `${tensor}: ${sqnrDb} dB`);
  });

  it('an emulated board is what it says, and is not timed', () => {
    const { devices, cells } = reports.get('glyphs');
    const { inventory } = devices.find((device: { name: string }) => device.name === 'pi3');
    assert.equal(inventory.board, 'Raspberry Pi 3 Model B Rev 1.2');
    assert.equal(inventory.cpu.core, 'Cortex-A53');
    assert.equal(inventory.emulated.cpu, 'cortex-a53');
    const [board] = cells.filter((cell: { deviceName: string }) => cell.deviceName === 'pi3');
    assert.equal(board.timing.verdict, 'emulated');
    for (const id of ['latency.p50', 'latency.p99', 'throughput', 'cold.create', 'memory.peak']) {
      assert.match(board.readings[id].reason, /^emulated/, id);
    }
    assert.equal(board.readings['accuracy.top1'].n, 24);
    assert.equal(board.numerics.sameInputs, true, 'the board computed on the same bytes');
  });

  it('an emulated board tells by which kernels its layers ran', () => {
    const report = reports.get('bright');
    for (const { cellId, layers, surprises } of report.compatibility) {
      if (!/pi3|avx2/.test(report.cells.find((cell: { id: string }) => cell.id === cellId).deviceName))
        continue;
      const isFloat = cellId.includes('|fp32|');
      assert.deepEqual([layers.unmatched, surprises], [0, []], cellId);
      assert.deepEqual([layers.integer, layers.float], isFloat ? [0, 3] : [3, 0], cellId);
    }
  });
});

interface Place {
  readonly id: string;
  readonly deviceId: string;
  readonly backendId: string;
}

function saturates({ devices }: RunReport, { deviceId, backendId }: Place): boolean {
  const { backends } = devices.find((device: { id: string }) => device.id === deviceId);
  const found = backends.find(({ id }: { id: string }) => id === backendId);
  return found.capabilities['numerics.u8s8.conv'] === 'saturating';
}

interface Divergence {
  readonly tensor: string;
  readonly operator: string;
  readonly different: number;
  readonly largest: number;
  readonly scale?: number;
  readonly sqnrDb?: number;
}

const recipes = {
  bright: ['int8-per-channel', 'int8-u8s8-pc-rr'],
  glyphs: ['int8-per-channel'],
  exported: ['int8-per-channel'],
} as const;

async function addModels(lab: Lab): Promise<void> {
  const pictures = join(lab.folder, 'bright.npz');
  await writeNpz(pictures, { images: { data: brightPictures(96), shape: [96, 8, 8, 3] } });
  await lab.qfleetOk('model', 'add', adversarial, '--name', 'bright', '--preset', 'unit');
  await lab.qfleetOk('dataset', 'add', pictures, '--name', 'bright', '--split', '64');
  await lab.qfleetOk('model', 'add', sampleModel, '--name', 'glyphs', '--contract', sampleContract);
  const glyphs = join(lab.folder, 'glyphs.npz');
  await writeGlyphs(glyphs, { count: 160 });
  await lab.qfleetOk('dataset', 'add', glyphs, '--name', 'glyphs', '--split', '100');
  await lab.qfleetOk('model', 'add', exported, '--name', 'exported', '--preset', 'unit');
  const noise = join(lab.folder, 'noise.npz');
  const random = createRandom(3);
  const data = Uint8Array.from({ length: 160 * 16 * 16 * 3 }, () => random.below(256));
  await writeNpz(noise, { images: { data, shape: [160, 16, 16, 3] } });
  await lab.qfleetOk('dataset', 'add', noise, '--name', 'exported', '--split', '100');
}

function readPredictions(model: string, report: RunReport): Predicted[] {
  return report.comparisons.map((one: RunReport) => ({
    model,
    variant: one.variant.name,
    place: report.places.find((place: { id: string }) => place.id === one.placeId).deviceName,
    expects: one.prediction.expects,
    outcome: one.prediction.outcome,
    sqnrDb: one.readings['transfer.sqnr.output'].value,
  }));
}

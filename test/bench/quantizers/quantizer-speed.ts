import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { compareLaunches } from '@qfleet/shared/statistics/compare-launches.ts';
import { median } from '@qfleet/shared/statistics/median.ts';
import { writeNpz } from '../../../coordinator/src/cli/demo/write-npz.ts';
import type { BenchContext, Benchmark } from '../benchmark.ts';
import type { Figure } from '../figure.ts';
import { holdHost } from '../hold-host.ts';
import { comparisonModels, contractOf, qfleetPath, scalingArguments } from './comparison-model.ts';
import { drawImages } from './draw-images.ts';
import { findReferenceQuantizer } from './find-reference-quantizer.ts';
import { measureProcessTree, type TreeCost } from './measure-process-tree.ts';
import { referenceArguments } from './run-reference-quantizer.ts';

const calibrationImages = 256;
/** Each quantizes twice, which takes long; more rounds narrow the interval little. */
const maxRounds = 5;
const megabyte = 1e6;
/** The reference with the settings of our recipe. */
const settings = { method: 'MinMax', perChannel: true } as const;

/** The same network quantized with the same images by qfleet and by Python's onnxruntime.quantization. */
export const quantizerSpeed: Benchmark = {
  id: 'quantizer-speed',
  title: `a network quantized with ${calibrationImages} images against Python's onnxruntime.quantization`,
  run: measureSpeed,
};

async function measureSpeed(context: BenchContext): Promise<Figure[]> {
  const sides = await prepareSides(context);
  if (!sides.available) return describeAbsence(sides.reason);
  await using _lock = await holdHost(context);
  const costs = await alternate(sides, context);
  return [...describeRatios(costs, sides.note), ...describeSides(costs)];
}

type Command = readonly [string, ...string[]];
type Sides =
  | { readonly available: true; readonly qfleet: Command; readonly python: Command; readonly note: string }
  | { readonly available: false; readonly reason: string };

async function prepareSides({ folder, seed, progress }: BenchContext): Promise<Sides> {
  const model = comparisonModels[0]!;
  const missing = [model.path, ...(model.images.kind === 'dataset' ? [model.images.path] : [])].find(
    (path) => !existsSync(path),
  );
  if (missing !== undefined) return { available: false, reason: `no ${missing}; set QFLEET_TEST_DATA` };
  const reference = await findReferenceQuantizer();
  if (!reference.available) return reference;
  progress('preparing images');
  const contract = await contractOf(model);
  const order = { calibration: calibrationImages, evaluation: 0, seed };
  const target = { ...contract, channels: 'RGB' as const };
  const { pixels, count, shape } = (await drawImages(model.images, { ...order, target })).calibration;
  const imagesPath = join(folder, 'images.npz');
  await writeNpz(imagesPath, { images: { data: pixels, shape: [count, ...shape] } });
  const outPath = join(folder, 'reference.onnx');
  const out = join(folder, 'qfleet');
  return {
    available: true,
    qfleet: [
      ...([process.execPath, qfleetPath, 'quantize', model.path, '--calibration', imagesPath] as const),
      ...['--recipe', 'int8-min-max', '--out', out, ...scalingArguments(model)],
    ],
    python: [
      reference.python,
      ...referenceArguments({ modelPath: model.path, imagesPath, contract, outPath, settings }),
    ],
    note: `${model.name}, ${count} images [${shape.join(', ')}] uint8, onnxruntime ${reference.version}`,
  };
}

interface Costs {
  readonly qfleet: readonly TreeCost[];
  readonly python: readonly TreeCost[];
}

async function alternate(
  { qfleet, python }: Extract<Sides, { available: true }>,
  { rounds, progress, signal }: BenchContext,
): Promise<Costs> {
  const costs = { qfleet: [] as TreeCost[], python: [] as TreeCost[] };
  const count = Math.min(rounds, maxRounds);
  const env = { ORT_DISABLE_TELEMETRY: '1' };
  for (let round = 0; round < count; round++) {
    progress(`round ${round + 1} of ${count}`);
    costs.qfleet.push(await measureProcessTree(qfleet, { signal, env }));
    costs.python.push(await measureProcessTree(python, { signal, env }));
  }
  return costs;
}

function describeRatios(costs: Costs, note: string): Figure[] {
  const compare = (pick: (cost: TreeCost) => number) => {
    const [reference, subject] = [costs.qfleet.map(pick), costs.python.map(pick)];
    return compareLaunches({ reference, subject, paired: true });
  };
  const n = costs.qfleet.length;
  const wall = compare(({ wallSeconds }) => wallSeconds);
  const peak = compare(({ peakBytes }) => peakBytes);
  return [
    {
      name: 'quantizer-speed.wall-ratio',
      value: wall.ratio,
      unit: '1',
      ...(wall.interval ? { interval: wall.interval } : {}),
      n,
      goal: { is: 'at most', limit: 0.5 },
      note: `qfleet over Python, whole processes in turn; ${note}`,
    },
    {
      name: 'quantizer-speed.peak-memory-ratio',
      value: peak.ratio,
      unit: '1',
      ...(peak.interval ? { interval: peak.interval } : {}),
      n,
      goal: { is: 'at most', limit: 1 },
      note: 'qfleet over Python, Pss of all processes of a side added, sampled',
    },
  ];
}

function describeSides(costs: Costs): Figure[] {
  const notes = {
    qfleet:
      'start, reading and hashing images, scaling, folding, calibrating, writing, loading and running the file, comparing 32 outputs with the model’s and every layer with its simulation',
    python:
      'start and imports, reading images, scaling, quant_pre_process, quantize_static; nothing is verified',
  };
  return (['qfleet', 'python'] as const).flatMap((side) => [
    {
      name: `quantizer-speed.${side}-wall`,
      value: median(costs[side].map(({ wallSeconds }) => wallSeconds)),
      unit: 's',
      n: costs[side].length,
      note: notes[side],
    },
    {
      name: `quantizer-speed.${side}-peak-memory`,
      value: median(costs[side].map(({ peakBytes }) => peakBytes)) / megabyte,
      unit: 'MB',
      n: costs[side].length,
    },
  ]);
}

function describeAbsence(reason: string): Figure[] {
  return ['wall-ratio', 'peak-memory-ratio'].map((what) => ({
    name: `quantizer-speed.${what}`,
    unit: '1',
    unavailable: reason,
  }));
}

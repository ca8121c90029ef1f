import { createRandom, shuffle } from '@qfleet/shared/random.ts';
import { compareLaunches } from '@qfleet/shared/statistics/compare-launches.ts';
import { median } from '@qfleet/shared/statistics/median.ts';
import { findBenchModel } from './bench-model.ts';
import type { BenchContext, Benchmark } from './benchmark.ts';
import type { Figure } from './figure.ts';
import { holdHost } from './hold-host.ts';
import { launchBare, writeBareInputs } from './launch-bare.ts';
import { launchQfleet } from './launch-qfleet.ts';

/** Two windows of the steady-state test: the shortest warm-up that qfleet makes, so that both sides make the same. */
const warmups = 10;
/** Timed work of a launch, nanoseconds; the number of samples follows from a first launch. */
const timedNs = 1_000_000_000;
const minSamples = 30;

/** p50 through qfleet over p50 of a bare loop: fresh processes, the same inputs, threads, warm-up and number of samples. */
export const harnessOverhead: Benchmark = {
  id: 'harness-overhead',
  title: 'a network through the runner against a bare onnxruntime-node loop',
  run: measureOverhead,
};

async function measureOverhead(context: BenchContext): Promise<Figure[]> {
  const model = findBenchModel();
  const inputs = await writeBareInputs(model.path, context.folder);
  await using _lock = await holdHost(context);
  const common = { backend: 'onnxruntime-cpu', variantPath: model.path, threads: context.threads };
  const first = await launchQfleet({ ...common, minSamples }, context.signal);
  const samples = Math.max(minSamples, Math.round(timedNs / median(first.timedNs)));
  const { threads } = first;
  const sides = {
    qfleet: async () => {
      const order = { ...common, threads, maxWarmupSamples: warmups, minSamples: samples };
      return (await launchQfleet(order, context.signal)).timedNs;
    },
    // One more: qfleet's first inference is no part of its warm-up.
    bare: () => launchBare({ model: model.path, threads, ...inputs, warmups: 1 + warmups, samples }),
  };
  const medians = await alternate(sides, context);
  return describe(medians, `${model.note}, ${threads} threads, ${samples} samples a launch`);
}

type Medians = Readonly<Record<'qfleet' | 'bare', number[]>>;

async function alternate(
  sides: Readonly<Record<keyof Medians, () => Promise<Float64Array>>>,
  { rounds, seed, progress }: BenchContext,
): Promise<Medians> {
  const random = createRandom(seed);
  const medians: Medians = { qfleet: [], bare: [] };
  for (let round = 0; round < rounds; round++) {
    progress(`round ${round + 1} of ${rounds}`);
    for (const side of shuffle<keyof Medians>(['qfleet', 'bare'], random))
      medians[side].push(median(await sides[side]()));
  }
  return medians;
}

function describe({ qfleet, bare }: Medians, note: string): Figure[] {
  const { ratio, interval } = compareLaunches({ reference: qfleet, subject: bare, paired: true });
  const n = qfleet.length;
  return [
    {
      name: 'harness-overhead.ratio',
      value: ratio,
      unit: '1',
      ...(interval ? { interval } : {}),
      n,
      goal: { is: 'at most', limit: 1.02 },
      note: `qfleet over bare, launches paired by round; ${note}`,
    },
    { name: 'harness-overhead.qfleet-p50', value: median(qfleet) / 1e6, unit: 'ms', n },
    { name: 'harness-overhead.bare-p50', value: median(bare) / 1e6, unit: 'ms', n },
  ];
}

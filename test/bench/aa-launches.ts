import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createRandom, type Random } from '@qfleet/shared/random.ts';
import { clopperPearson } from '@qfleet/shared/statistics/clopper-pearson.ts';
import { compareLaunches, minLaunchesToJudge } from '@qfleet/shared/statistics/compare-launches.ts';
import { median } from '@qfleet/shared/statistics/median.ts';
import { orderLaunches } from '../../agent/src/jobs/order-launches.ts';
import { findBenchModel } from './bench-model.ts';
import type { BenchContext, Benchmark } from './benchmark.ts';
import type { Figure } from './figure.ts';
import { holdHost } from './hold-host.ts';
import { launchQfleet } from './launch-qfleet.ts';

/** Timed work of a launch, milliseconds. */
const minDurationMs = 300;

/** The same network under two names, compared as a report compares two variants: how often it is called different. */
export const aaLaunches: Benchmark = {
  id: 'aa-launches',
  title: 'one network against itself, over real launches',
  run: comparePairs,
};

async function comparePairs(context: BenchContext): Promise<Figure[]> {
  const model = findBenchModel();
  const paths = await writeCopies(model.path, context.folder);
  await using _lock = await holdHost(context);
  const random = createRandom(context.seed);
  const ratios: number[] = [];
  let different = 0;
  let excluded = 0;
  for (let pair = 0; pair < context.pairs; pair++) {
    context.progress(`pair ${pair + 1} of ${context.pairs}`);
    const [reference, subject] = await launchPair(paths, random, context);
    const compared = compareLaunches({ reference, subject, paired: true });
    ratios.push(compared.ratio);
    if (compared.verdict === 'faster' || compared.verdict === 'slower') different++;
    if (compared.interval && (compared.interval.low > 1 || compared.interval.high < 1)) excluded++;
  }
  const n = context.pairs;
  return [
    {
      name: 'aa-launches.called-different',
      value: different,
      unit: 'count',
      interval: countInterval(different, n),
      n,
      note: `${model.note}, ${minLaunchesToJudge} launches of each copy, interleaved; of n pairs`,
    },
    {
      name: 'aa-launches.interval-without-1',
      value: excluded,
      unit: 'count',
      interval: countInterval(excluded, n),
      n,
      note: 'by the interval alone, effects under 2 % included; of n pairs',
    },
    {
      name: 'aa-launches.largest-effect',
      value: 100 * Math.max(...ratios.map((ratio) => Math.max(ratio, 1 / ratio) - 1)),
      unit: '%',
      n,
    },
  ];
}

async function launchPair(
  paths: readonly [string, string],
  random: Random,
  context: BenchContext,
): Promise<[number[], number[]]> {
  const medians: [number[], number[]] = [[], []];
  for (const side of orderLaunches(2, minLaunchesToJudge, random)) {
    const order = { backend: 'onnxruntime-cpu', variantPath: paths[side]!, threads: context.threads };
    const { timedNs } = await launchQfleet({ ...order, minDurationMs }, context.signal);
    medians[side]!.push(median(timedNs));
  }
  return medians;
}

/** Two files that differ in the model's doc_string alone: of a protobuf field that comes twice, the last counts. */
async function writeCopies(path: string, folder: string): Promise<[string, string]> {
  const bytes = await readFile(path);
  const write = async (name: string): Promise<string> => {
    const copy = join(folder, `${name}.onnx`);
    const text = Buffer.from(name);
    await writeFile(copy, Buffer.concat([bytes, Buffer.from([docStringTag, text.length]), text]));
    return copy;
  };
  return [await write('copy-a'), await write('copy-b')];
}

/** ModelProto.doc_string: field 6, length-delimited. */
const docStringTag = (6 << 3) | 2;

function countInterval(count: number, n: number) {
  const { low, high, method } = clopperPearson(count, n);
  return { low: low * n, high: high * n, method };
}

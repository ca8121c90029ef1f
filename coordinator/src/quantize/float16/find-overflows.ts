import { indexGraph } from '../../onnx/graph-index.ts';
import type { SourceModel, StatisticsRequest, Workbench } from '../workbench.ts';
import { planFloat16 } from './plan-float16.ts';

/** Largest finite float16. */
export const largestFloat16 = 65504;
/** Inputs that calibration has not seen may reach this much farther. */
const headroom = 1.25;

/** Tensors that float16 cannot hold, by name, with the largest magnitude that calibration has seen; Infinity where a value was not finite. */
export type Overflows = ReadonlyMap<string, number>;

/** Every activation that an operator would read or write as float16. */
export function wantedForFloat16({ model, types }: SourceModel): StatisticsRequest {
  const graph = model.graph!;
  const { initialisers } = indexGraph(graph);
  const tensors = [...planFloat16(graph, types).nodes]
    .flatMap((node) => [...node.input, ...node.output])
    .filter((name) => types.get(name)?.elementType === 'float32' && !initialisers.has(name));
  return { tensors: [...new Set(tensors)], hasHistograms: false };
}

/**
 * Which activations leave the range of float16 on the calibration inputs. Asked of the float32 model, since a machine
 * without float16 kernels widens the converted one and never overflows. Undefined where no dataset feeds the model.
 */
export async function findOverflows(bench: Workbench): Promise<Overflows | undefined> {
  if (!bench.samples.canFeed) return undefined;
  const statistics = await bench.statisticsAsFound(bench.folded, wantedForFloat16(bench.folded));
  const largest = Object.entries(statistics).map(([name, { low, high, nonFiniteIn }]): [string, number] => [
    name,
    nonFiniteIn === undefined ? Math.max(-low, high) : Number.POSITIVE_INFINITY,
  ]);
  return new Map(largest.filter(([, magnitude]) => magnitude * headroom > largestFloat16));
}

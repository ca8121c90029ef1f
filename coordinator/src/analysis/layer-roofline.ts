import { available } from '@qfleet/shared/available-reading.ts';
import { type Reading, unavailable } from '@qfleet/shared/reading.ts';
import { median } from '@qfleet/shared/statistics/median.ts';
import type { Layer } from '../artefacts/artefacts.ts';
import type { LayerUse } from './cell.ts';
import { findRoof } from './find-roof.ts';
import { type Kernel, parseKernels } from './parse-kernels.ts';

export interface LayerEvidence {
  /** ONNX Runtime's trace, or a TensorRT engine's profile. */
  readonly profile: Uint8Array;
  /** The file's layers, by whose names kernels are recognised. */
  readonly layers: readonly Layer[] | undefined;
  readonly batch: number;
  readonly threadsUsed: number | undefined;
  readonly probe: readonly Reading[];
  /** Why times mean nothing, as when emulated. */
  readonly whyNoTime: string | undefined;
}

const timeMethod = 'ort-profile-kernel-time, median over inferences';

/**
 * Each layer that multiplies and accumulates against the device's own roof, in the order of the file: time (median
 * over the profiled inferences), work, bytes, and the shares of both roofs. Bytes are compulsory: activations and
 * outputs as the runtime executed them, weights once in the width of the kernel. The profiler slows short operators
 * down: shares of layers under some ten microseconds are too low. Layers that the runtime folded into others, or
 * named otherwise, are left out; `unmatched` counts those of the model that no kernel was found for.
 */
export function layerRoofline(evidence: LayerEvidence): { layers: LayerUse[]; unmatched: number } {
  const byName = groupByName(parseKernels(evidence.profile));
  const known = evidence.layers ?? [];
  const layers = known.flatMap((layer) => {
    // A layer that stayed float between converters has those under names of their own.
    const names = [layer.name, ...layer.aliases];
    const kernels = names
      .map((name) => byName.get(name)?.filter(({ kind }) => kind !== 'convert'))
      .find((found) => found !== undefined && found.length > 0);
    return kernels?.[0] ? [describeLayer(layer, [kernels[0], ...kernels.slice(1)], evidence)] : [];
  });
  return { layers, unmatched: known.length - layers.length };
}

function groupByName(kernels: readonly Kernel[]): ReadonlyMap<string, readonly Kernel[]> {
  const named = kernels.flatMap((kernel) => kernel.names.map((name) => ({ name, kernel })));
  const groups = Map.groupBy(named, ({ name }) => name);
  return new Map([...groups].map(([name, group]) => [name, group.map(({ kernel }) => kernel)]));
}

function describeLayer(
  layer: Layer,
  kernels: readonly [Kernel, ...Kernel[]],
  evidence: LayerEvidence,
): LayerUse {
  const [first] = kernels;
  const { batch } = evidence;
  const timeNs = 1000 * median(kernels.map(({ durationUs }) => durationUs));
  const macs = layer.macs * batch;
  const bytes = bytesOf(layer.weights, first);
  return {
    name: layer.name,
    operator: layer.operator,
    type: first.type,
    kind: first.kind,
    macs,
    ...(bytes !== undefined && { bytes }),
    time:
      evidence.whyNoTime === undefined
        ? available({
            quantity: 'layer.time',
            value: timeNs,
            unit: 'ns',
            method: timeMethod,
            n: kernels.length,
          })
        : unavailable('layer.time', 'ns', evidence.whyNoTime),
    computeShare: shareOf('roof.compute.share', 2 * macs, {
      evidence,
      timeNs,
      roof: `compute.${first.kind === 'integer' ? 'int8' : 'fp32'}`,
    }),
    memoryShare: shareOf('roof.memory.share', bytes, { evidence, timeNs, roof: 'mem.bandwidth.triad' }),
  };
}

const widths: Readonly<Record<string, number>> = { float: 4, float16: 2, bfloat16: 2, double: 8 };

function bytesOf(
  weights: number,
  { kind, inputType, activationBytes, outputBytes }: Kernel,
): number | undefined {
  if (activationBytes === undefined || outputBytes === undefined) return undefined;
  const width = kind === 'integer' ? 1 : (widths[inputType ?? ''] ?? 4);
  return activationBytes + outputBytes + weights * width;
}

function shareOf(
  quantity: string,
  amount: number | undefined,
  {
    evidence,
    timeNs,
    roof,
  }: { readonly evidence: LayerEvidence; readonly timeNs: number; readonly roof: string },
): Reading {
  if (evidence.whyNoTime !== undefined) return unavailable(quantity, '1', evidence.whyNoTime);
  if (amount === undefined) return unavailable(quantity, '1', 'not-reported: the trace tells no sizes');
  if (timeNs === 0) return unavailable(quantity, '1', 'below-resolution: the kernel took less than 1 µs');
  const found = findRoof(roof, evidence);
  if (found.status === 'unavailable') return unavailable(quantity, '1', found.reason);
  return available({
    quantity,
    status: 'derived',
    value: (amount * 1e9) / timeNs / found.value,
    unit: '1',
    method: `${quantity === 'roof.compute.share' ? '2·MACs' : 'compulsory bytes'} / layer.time / ${found.quantity}`,
  });
}

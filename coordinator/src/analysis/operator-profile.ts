import { available } from '@qfleet/shared/available-reading.ts';
import { type Reading, unavailable } from '@qfleet/shared/reading.ts';
import type { OperatorUse } from './cell.ts';
import { type Kernel, parseKernels } from './parse-kernels.ts';

/** Operators by type, and the shares of time that say whether integers were really computed with. */
export interface OperatorProfile {
  readonly operators: readonly OperatorUse[];
  readonly readings: readonly Reading[];
}

const layoutTypes = /^(Transpose|ReorderInput|ReorderOutput|Reformat|Shuffle)$/;

/** A profile that is not there: every reading with that reason. */
export function missingProfile(reason: string): OperatorProfile {
  return {
    operators: [],
    readings: [
      unavailable('operators.integer.share', '1', reason),
      unavailable('operators.convert.share', '1', reason),
      unavailable('operators.transpose.share', '1', reason),
    ],
  };
}

/**
 * Reads an operator profile of ONNX Runtime (events of category `Node` named `…_kernel_time`, `dur` in µs) or of a
 * TensorRT engine (a layer's average over the profiled runs, fused layers as one).
 * Counts are distinct nodes, so of one inference however many were recorded. `operators.integer.share`: share of
 * the kernels' time, 0…1, in kernels that compute on 8-bit integers (QLinear…, …Integer, or an 8-bit first
 * input); `operators.convert.share`: in QuantizeLinear and DequantizeLinear;
 * `operators.transpose.share`: in operators that only move data into another layout. Profiling slows operators unevenly:
 * shares, not latencies. `whyNoTime` where times mean nothing, as when emulated; counts stay.
 */
export function readOperatorProfile(bytes: Uint8Array, whyNoTime: string | undefined): OperatorProfile {
  const kernels = parseKernels(bytes);
  if (kernels.length === 0) return missingProfile('bad-profile: no kernel events in it');
  const method =
    kernels[0]?.provider === 'TensorRT' ? 'tensorrt-profile-layer-time' : 'ort-profile-kernel-time';
  const isTold = kernels.some(({ kind }) => kind === 'integer' || kind === 'float');
  const totalUs = kernels.reduce((sum, kernel) => sum + kernel.durationUs, 0);
  const share = (quantity: string, of: (kernel: Kernel) => boolean): Reading => {
    if (whyNoTime !== undefined) return unavailable(quantity, '1', whyNoTime);
    if (totalUs === 0) return unavailable(quantity, '1', 'below-resolution: all kernels took less than 1 µs');
    const partUs = kernels.filter(of).reduce((sum, kernel) => sum + kernel.durationUs, 0);
    return available({ quantity, status: 'derived', value: partUs / totalUs, unit: '1', method });
  };
  const groups = Map.groupBy(kernels, (kernel) => `${kernel.type}\n${kernel.kind}\n${kernel.provider ?? ''}`);
  const operators = [...groups.values()].map((group): OperatorUse => {
    const [{ type, kind, provider }] = group as [Kernel, ...Kernel[]];
    return {
      type,
      kind,
      ...(provider !== undefined && { provider }),
      count: new Set(group.map((kernel) => kernel.node)).size,
      timeShare: share(
        'operators.share',
        (kernel) => kernel.type === type && kernel.kind === kind && kernel.provider === provider,
      ),
    };
  });
  return {
    operators: operators.sort((a, b) => shareOf(b) - shareOf(a) || (a.type < b.type ? -1 : 1)),
    readings: [
      isTold
        ? share('operators.integer.share', (kernel) => kernel.kind === 'integer')
        : unavailable('operators.integer.share', '1', 'not-told: the engine kept its layers’ names alone'),
      share('operators.convert.share', (kernel) => kernel.kind === 'convert'),
      share('operators.transpose.share', (kernel) => layoutTypes.test(kernel.type)),
    ],
  };
}

function shareOf(operator: OperatorUse): number {
  return operator.timeShare.status === 'unavailable' ? operator.count / 1e6 : operator.timeShare.value;
}

import { type Reading, unavailable } from '@qfleet/shared/reading.ts';
import type { ThreadScope } from './bandwidth-readings.ts';
import type { WorkloadId } from './compute-workloads.ts';
import { estimateMedian } from './median-interval.ts';
import type { ComputeOutcome } from './probe-task.ts';

export interface ComputeSetup {
  readonly workload: WorkloadId;
  readonly scope: ThreadScope;
  readonly flags: readonly string[];
}

/** `compute.fp32.1`, `compute.int8.all`, `compute.int8.conv.all`. */
export function computeQuantity(workload: WorkloadId, scope: ThreadScope): string {
  return `compute.${workload}.${scope}`;
}

/**
 * Peak compute of one operator of ONNX Runtime in op/s, two operations for each multiply-add: the median over the
 * runs and its interval. Unavailable as `wrong-result` where an output was not what exact arithmetic gives.
 */
export function computeReading(outcome: ComputeOutcome, setup: ComputeSetup): Reading {
  const quantity = computeQuantity(setup.workload, setup.scope);
  const method = methods[setup.workload];
  if (outcome.wrongResult !== undefined)
    return { ...unavailable(quantity, 'op/s', `wrong-result: ${outcome.wrongResult}`), method };
  if (outcome.runNs.length === 0)
    return { ...unavailable(quantity, 'op/s', 'timeout: not one run was done in time'), method };
  const { median, interval } = estimateMedian(outcome.runNs.map((ns) => (outcome.operations / ns) * 1e9));
  const flags = [...setup.flags, ...(interval ? [] : ['runs<6'])];
  return {
    quantity,
    status: 'measured',
    value: median,
    unit: 'op/s',
    method,
    n: outcome.runNs.length,
    ...(interval && { interval }),
    ...(flags.length > 0 && { flags }),
  };
}

/** The same reading where there was no outcome, with the reason. */
export function missingComputeReading(workload: WorkloadId, scope: ThreadScope, reason: string): Reading {
  return {
    ...unavailable(computeQuantity(workload, scope), 'op/s', reason),
    method: methods[workload],
  };
}

/** Sizes are those that the probe takes where memory allows; a smaller one is flagged. */
const methods: Readonly<Record<WorkloadId, string>> = {
  fp32: 'onnxruntime MatMul float32 768×768×768, 2 FLOP per multiply-add/1',
  int8: 'onnxruntime QLinearMatMul u8×s8 768×768×768, 2 OP per multiply-add/1',
  'int8.conv': 'onnxruntime QLinearConv u8×s8 3×3, 256 channels, 28×28, 2 OP per multiply-add/1',
};

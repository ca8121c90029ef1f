import { available } from '@qfleet/shared/available-reading.ts';
import { type AvailableReading, type Reading, unavailable } from '@qfleet/shared/reading.ts';
import { findRoof } from './find-roof.ts';

/** What one inference has to do at least, and what the device can do at most. */
export interface RooflineEvidence {
  /** Time of one inference of the whole batch, nanoseconds; or why there is none. */
  readonly latency: Reading | undefined;
  /** Multiply-accumulates of one sample; undefined where not all operators could be counted. */
  readonly macs: number | undefined;
  readonly weightBytes: number;
  /** Of one sample: inputs and outputs. */
  readonly inputOutputBytes: number;
  readonly batch: number;
  readonly threadsUsed: number | undefined;
  /** Share of the time in integer kernels; the int8 roof is taken where most of it is spent there. */
  readonly integerShare: Reading | undefined;
  /** Bytes per inference as counters saw them. */
  readonly countedBytes: Reading | undefined;
  /** The latest probe of the same device. */
  readonly probe: readonly Reading[];
}

/**
 * How close one inference comes to what its own device was measured to be capable of (Williams, Waterman and
 * Patterson, 2009). `roof.compute.share`: operations (two per multiply-accumulate) per second over the device's peak
 * of ONNX Runtime's own GEMM, int8 where most of the time lies in integer kernels, else float32.
 * `roof.memory.share`: bytes per second over the device's triad bandwidth. Bytes are those that counters saw, else
 * the compulsory ones: each weight, input and output once. That is a lower bound (`lower-bound`): activations that
 * spill come on top, and weights that stay in a cache do not reach DRAM at all (`fits-llc`).
 * `work.intensity`: operations per compulsory byte.
 */
export function rooflineReadings(evidence: RooflineEvidence): Reading[] {
  return [computeShare(evidence), memoryShare(evidence), intensity(evidence)];
}

function computeShare(evidence: RooflineEvidence): Reading {
  const quantity = 'roof.compute.share';
  const { latency, macs, batch, integerShare } = evidence;
  if (!isAvailable(latency)) return unavailable(quantity, '1', reasonOf(latency));
  if (macs === undefined) return unavailable(quantity, '1', 'no-macs: not every operator could be counted');
  const isInteger = isAvailable(integerShare) && integerShare.value > 0.5;
  const roof = findRoof(`compute.${isInteger ? 'int8' : 'fp32'}`, evidence);
  if (!isAvailable(roof)) return unavailable(quantity, '1', reasonOf(roof));
  const operationsPerSec = (2 * macs * batch * 1e9) / latency.value;
  return available({
    quantity,
    status: 'derived',
    value: operationsPerSec / roof.value,
    unit: '1',
    method: `2·MACs / ${latency.quantity} / ${roof.quantity}`,
    ...(roof.flags && { flags: roof.flags }),
  });
}

function memoryShare(evidence: RooflineEvidence): Reading {
  const quantity = 'roof.memory.share';
  const { latency, countedBytes } = evidence;
  if (!isAvailable(latency)) return unavailable(quantity, '1', reasonOf(latency));
  const roof = findRoof('mem.bandwidth.triad', evidence);
  if (!isAvailable(roof)) return unavailable(quantity, '1', reasonOf(roof));
  const isCounted = isAvailable(countedBytes);
  const bytes = isCounted ? countedBytes.value : compulsoryBytes(evidence);
  const flags = isCounted
    ? (countedBytes.flags ?? [])
    : ['lower-bound', ...(fitsLastLevel(evidence) ? ['fits-llc'] : [])];
  return available({
    quantity,
    status: 'derived',
    value: (bytes * 1e9) / latency.value / roof.value,
    unit: '1',
    method: `${isCounted ? 'counted' : 'compulsory'} bytes / ${latency.quantity} / ${roof.quantity}`,
    flags,
  });
}

function intensity(evidence: RooflineEvidence): Reading {
  const quantity = 'work.intensity';
  const { macs, batch } = evidence;
  if (macs === undefined) {
    return unavailable(quantity, 'op/B', 'no-macs: not every operator could be counted');
  }
  return available({
    quantity,
    status: 'derived',
    value: (2 * macs * batch) / compulsoryBytes(evidence),
    unit: 'op/B',
    method: '2·MACs / (weights + inputs + outputs)',
  });
}

function compulsoryBytes({ weightBytes, inputOutputBytes, batch }: RooflineEvidence): number {
  return weightBytes + batch * inputOutputBytes;
}

function fitsLastLevel({ weightBytes, probe }: RooflineEvidence): boolean {
  const cache = probe.find(({ quantity }) => quantity === 'cache.llc.effective');
  return isAvailable(cache) && weightBytes <= cache.value;
}

function isAvailable(reading: Reading | undefined): reading is AvailableReading {
  return reading !== undefined && reading.status !== 'unavailable' && reading.value > 0;
}

function reasonOf(reading: Reading | undefined): string {
  if (!reading) return 'not-reported';
  return reading.status === 'unavailable' ? reading.reason : 'bad-evidence: a reading of 0';
}

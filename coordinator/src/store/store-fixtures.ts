import { digestBytes } from '@qfleet/shared/digest.ts';
import { sql } from 'kysely';
import type { Dataset, Model, Variant } from '../artefacts/artefacts.ts';
import { planSchema } from '../plan/plan.ts';
import type { DatabaseClock } from './database-clock.ts';
import type { JobSpec } from './records.ts';
import type { NewResult, NewRun, Store } from './store.ts';

/** A database clock that stands until a test moves it. */
export interface StandingClock extends DatabaseClock {
  advance(ms: number): void;
  /** The wall clock is set to another time, and no time passes. */
  step(ms: number): void;
}

export function createStandingClock(startMs = 1_700_000_000_000): StandingClock {
  let steadyMs = startMs;
  let steppedMs = 0;
  return {
    nowMs: () => sql<number>`cast(${sql.lit(steadyMs + steppedMs)} as bigint)`,
    steadyMs: () => sql<number>`cast(${sql.lit(steadyMs)} as bigint)`,
    advance: (ms) => {
      steadyMs += ms;
    },
    step: (ms) => {
      steppedMs += ms;
    },
  };
}

/** A digest that is the same for the same words. */
export function fakeDigest(words: string): string {
  return digestBytes(words);
}

export function exampleModel(name: string, content = name): Model {
  return {
    digest: fakeDigest(content),
    name,
    sizeBytes: 10,
    irVersion: 8,
    opsets: { '': 17 },
    producer: 'test',
    inputs: [],
    outputs: [],
    contract: {
      layout: 'as-is',
      elementType: 'float32',
      channels: '',
      height: 0,
      width: 0,
      resize: 'cover',
      filter: 'bilinear',
      scale: 1,
      mean: [],
      deviation: [],
      inputName: '',
    },
    createdAtMs: 1,
  };
}

export function exampleVariant(model: Model, name: string, content = name): Variant {
  return {
    digest: fakeDigest(content),
    modelDigest: model.digest,
    name,
    sizeBytes: 5,
    record: {
      recipe: name,
      format: 'float32',
      granularity: 'none',
      quantizedOperators: {},
      floatOperators: {},
      notes: [],
    },
    createdAtMs: 2,
  };
}

/** One unlabelled item in one split, in the shard named `<name>'s shard`. */
export function exampleDataset(name: string): Dataset {
  const shard = { digest: fakeDigest(`${name}'s shard`), sizeBytes: 1, firstIndex: 0, count: 1 };
  return {
    digest: fakeDigest(name),
    name,
    item: { elementType: 'uint8', shape: [1, 1, 1] },
    channels: 'gray',
    count: 1,
    splits: { all: { count: 1, shards: [shard], itemDigestsBlob: fakeDigest(`${name}'s items`) } },
    source: 'test',
    createdAtMs: 3,
  };
}

/** What an evaluate job of one variant without a dataset asks for. */
export function exampleSpec(variantDigest = fakeDigest('variant')): JobSpec {
  return {
    spec: 'evaluate',
    evaluate: {
      backend: 'onnxruntime-cpu',
      variant: { digest: variantDigest, name: 'fp32', sizeBytes: 5 },
      settings: null,
      inputs: null,
      comparisonCount: 1,
      topK: 1,
      repeatCount: 0,
      profile: false,
      inferenceLimitMs: 0,
    },
  };
}

/** A measure job of one variant, single-stream on one thread. */
export function exampleMeasure(variantDigest = fakeDigest('variant')): NonNullable<JobSpec['measure']> {
  return {
    backend: 'onnxruntime-cpu',
    variants: [{ digest: variantDigest, name: 'fp32', sizeBytes: 5 }],
    scenario: 'single-stream',
    settings: { threads: 1, batch: 1, providerOptions: {}, affinity: [], dimensions: {} },
    inputs: null,
    launchesPerVariant: 1,
    minSamples: 1,
    minDurationMs: 1,
    maxDurationMs: 1,
    maxWarmupSamples: 1,
    seed: 1,
    profile: false,
    load: null,
    counters: false,
    maxRepeats: 0,
    sustainedMs: 0,
    inferenceLimitMs: 0,
  };
}

/** A load that leaves all to the scenario. */
export const exampleLoad: NonNullable<NonNullable<JobSpec['measure']>['load']> = {
  samplesPerQuery: 0,
  targetRatePerSec: 0,
  latencyBoundNs: 0,
  percentile: 0,
  frameRatePerSec: 0,
  scheduleSeed: 1,
  backgroundProcesses: 0,
  companions: [],
};

/** A run of `count` jobs on each device, ids `<id>-<device>-<n>`. */
export function exampleRun(
  id: string,
  deviceIds: readonly string[],
  count: number,
  spec = exampleSpec(),
): NewRun {
  return {
    id,
    record: {
      name: `name of ${id}`,
      plan: planSchema.parse({ model: 'm' }),
      modelDigest: fakeDigest('model'),
      variantDigests: [fakeDigest('variant')],
      deviceIds,
      datasetDigest: undefined,
      notes: ['a note'],
    },
    jobs: deviceIds.flatMap((deviceId) =>
      Array.from({ length: count }, (_, position) => ({
        id: `${id}-${deviceId}-${position}`,
        deviceId,
        position,
        spec,
        timeLimitMs: 1000,
      })),
    ),
  };
}

/** A result of one attempt; different words make it a different one. */
export function exampleResult(
  attempt: { jobId: string; deviceId: string; fence: number },
  change: { words?: string; blobs?: string[] } & Partial<
    Pick<NewResult, 'failure' | 'shortfall' | 'onFailure'>
  > = {},
): NewResult {
  const text = JSON.stringify({ ...attempt, words: change.words ?? '', blobs: change.blobs ?? [] });
  return {
    ...attempt,
    digest: digestBytes(text),
    bytes: Buffer.from(text),
    signature: Buffer.from('signature'),
    failure: change.failure,
    shortfall: change.shortfall,
    onFailure: change.onFailure ?? 'final',
  };
}

/** Registers devices whose ids are their names; those with a boot id have said Hello. */
export async function addExampleDevices(
  store: Store,
  bootIds: Record<string, string | undefined>,
): Promise<void> {
  for (const [id, bootId] of Object.entries(bootIds)) {
    await store.addDevice({ id, name: id, publicKey: `key of ${id}` });
    if (bootId !== undefined) await store.recordHello(id, exampleHello(bootId));
  }
}

export function exampleHello(bootId: string): Parameters<Store['recordHello']>[1] {
  return {
    agentVersion: '0.1.0',
    bootId,
    inventory: {
      schema: 'qfleet.inventory/1',
      hostname: 'board',
      architecture: 'arm64',
      cpu: { model: 'Cortex-A53', processors: 4, features: [] },
      caches: [],
      memoryBytes: 1 << 30,
      os: 'linux',
      kernel: '6.1',
      nodeVersion: '24.21.0',
    },
    backends: [{ id: 'onnxruntime-cpu', available: true, version: '1.30.0', reason: '', capabilities: {} }],
    clockOffsetMs: 12,
  };
}

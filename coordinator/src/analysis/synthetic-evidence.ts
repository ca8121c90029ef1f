import { digestBytes } from '@qfleet/shared/digest.ts';
import type { Inventory } from '@qfleet/shared/inventory/inventory.ts';
import { createRandom, type Random, shuffle } from '@qfleet/shared/random.ts';
import type { Reading } from '@qfleet/shared/reading.ts';
import { unavailable } from '@qfleet/shared/reading.ts';
import type { JobResult, Launch } from '@qfleet/shared/result/job-result.ts';
import type { Dataset, Model, Variant } from '../artefacts/artefacts.ts';
import { planSchema } from '../plan/plan.ts';
import type { DeviceRecord, JobRecord, RunRecord } from '../store/records.ts';
import type { RunEvidence } from './evidence.ts';

/** What a synthetic place is like; everything else of it follows from the seed. */
export interface SyntheticPlace {
  readonly deviceId: string;
  readonly deviceName?: string;
  readonly backendId: string;
  readonly emulated?: boolean;
  /** Median latency of the fp32 variant, nanoseconds. */
  readonly latencyNs?: number;
  /** Latency of each variant relative to fp32, in the order of `syntheticVariants`. */
  readonly latencyFactors?: readonly number[];
  /** Inputs evaluated. */
  readonly inputs?: number;
  /** Standard deviation of what this place adds to the logits of every variant, and of quantized ones alone. */
  readonly floatNoise?: number;
  readonly integerNoise?: number;
  /** What the launches looked like beyond their samples. */
  readonly changeLaunch?: (launch: Launch) => Launch;
  /** Replaces the digest of the final input bytes. */
  readonly inputDigest?: string;
  /** The measure job failed with this. */
  readonly measureFailure?: NonNullable<JobRecord['failure']>;
}

export interface SyntheticOptions {
  readonly seed?: number;
  readonly places?: readonly SyntheticPlace[];
  readonly launches?: number;
  readonly samplesPerLaunch?: number;
  /** Relative step of the random walk between successive launches of a job. */
  readonly launchDrift?: number;
  /** Relative noise of samples within a launch. */
  readonly sampleNoise?: number;
  readonly labels?: 'right' | 'shuffled' | 'none';
  /** How many; those beyond the named ones are like the last of them. */
  readonly variants?: number;
  /** Without, the run has timings alone, and no dataset. */
  readonly evaluates?: boolean;
  /** Classes that the dataset claims; the outputs have ten. */
  readonly datasetClasses?: number;
}

/** Standard deviation that quantizing adds to the logits, by variant. */
const syntheticVariants = [
  { name: 'fp32', recipe: 'fp32', granularity: 'none', sizeBytes: 3_510_244, noise: 0 },
  {
    name: 'int8-per-tensor',
    recipe: 'int8-per-tensor',
    granularity: 'per-tensor',
    sizeBytes: 948_112,
    noise: 1.1,
  },
  {
    name: 'int8-per-channel',
    recipe: 'int8-per-channel',
    granularity: 'per-channel',
    sizeBytes: 961_877,
    noise: 0.12,
  },
] as const;

/** A workbench with two backends, a board, and an emulated board. */
export const defaultPlaces: readonly SyntheticPlace[] = [
  { deviceId: 'workbench', backendId: 'onnxruntime-cpu', latencyNs: 1.9e6, latencyFactors: [1, 0.46, 0.48] },
  {
    deviceId: 'workbench',
    backendId: 'onnxruntime-wasm',
    latencyNs: 7.4e6,
    latencyFactors: [1, 1.31, 1.28],
    floatNoise: 1e-6,
    integerNoise: 0.004,
  },
  {
    deviceId: 'board-a53',
    backendId: 'onnxruntime-cpu',
    latencyNs: 41e6,
    latencyFactors: [1, 0.71, 1.005],
    floatNoise: 1e-6,
    integerNoise: 0.03,
  },
  {
    deviceId: 'virtual-a53',
    backendId: 'onnxruntime-cpu',
    emulated: true,
    inputs: 120,
    floatNoise: 1e-6,
    integerNoise: 0.03,
  },
];

const classes = 10;
const comparisonCount = 64;
const topKept = 5;
const createdAtMs = Date.UTC(2026, 0, 15, 9, 30);

/**
 * Evidence of a run that never was, in the exact layouts of `qfleet.result/1`: for tests of what is computed
 * from it. Equal options give equal evidence.
 */
export function syntheticEvidence(options: SyntheticOptions = {}): RunEvidence {
  const places = options.places ?? defaultPlaces;
  const blobs = new Map<string, Uint8Array>();
  const model = syntheticModel();
  const count = options.variants ?? syntheticVariants.length;
  const variants = Array.from({ length: count }, (_, index) => syntheticVariant(model, index));
  const { evaluates = true } = options;
  const inputs = Math.max(...places.map((place) => place.inputs ?? 600));
  const labels = syntheticLabels(inputs, options.seed ?? 1);
  const jobs: JobRecord[] = [];
  const results: { digest: string; deviceId: string; result: JobResult }[] = [];
  const add = (job: JobRecord, outcome: JobResult['outcome'] | undefined, used: string[]) => {
    jobs.push(job);
    if (outcome) results.push(syntheticResult(job, outcome, used));
  };
  for (const deviceId of new Set(places.map((place) => place.deviceId))) {
    const emulated = places.some((place) => place.deviceId === deviceId && place.emulated);
    const job = syntheticJob(`${deviceId}-probe`, deviceId, { spec: 'probe', probe: { maxMemoryBytes: 0 } });
    add(job, { kind: 'probe', facts: probeFacts(emulated) }, []);
  }
  for (const place of places) {
    const put = (bytes: Uint8Array): string => {
      const digest = digestBytes(bytes);
      blobs.set(digest, bytes);
      return digest;
    };
    if (!place.emulated) addMeasure({ place, options, variants, put, add });
    if (!evaluates) continue;
    for (const index of variants.keys()) addEvaluate({ place, options, variants, index, labels, put, add });
  }
  return {
    run: syntheticRun(model, variants, places, options),
    model,
    variants,
    dataset: evaluates ? syntheticDataset(inputs, options) : undefined,
    labels: evaluates ? presentedLabels(labels, options) : undefined,
    devices: [...new Set(places.map((place) => place.deviceId))].map((id) =>
      syntheticDevice(places.filter((place) => place.deviceId === id)),
    ),
    jobs,
    results,
    blobs,
  };
}

interface AddOptions {
  readonly place: SyntheticPlace;
  readonly options: SyntheticOptions;
  readonly variants: readonly Variant[];
  readonly put: (bytes: Uint8Array) => string;
  readonly add: (job: JobRecord, outcome: JobResult['outcome'] | undefined, used: string[]) => void;
}

function addMeasure({ place, options, variants, put, add }: AddOptions): void {
  const spec = {
    spec: 'measure' as const,
    measure: {
      backend: place.backendId,
      variants: variants.map(({ digest, name, sizeBytes }) => ({ digest, name, sizeBytes })),
      scenario: 'single-stream',
      settings: syntheticSettings,
      inputs: null,
      launchesPerVariant: options.launches ?? 6,
      minSamples: 100,
      minDurationMs: 1000,
      maxDurationMs: 60_000,
      maxWarmupSamples: 200,
      seed: options.seed ?? 1,
      profile: true,
      load: null,
      counters: false,
      maxRepeats: 0,
      sustainedMs: 0,
      inferenceLimitMs: 0,
    },
  };
  const job = syntheticJob(`${place.deviceId}-${place.backendId}-measure`, place.deviceId, spec);
  if (place.measureFailure) {
    add({ ...job, state: 'failed', failure: place.measureFailure }, undefined, []);
    return;
  }
  const { launches, samples } = syntheticLaunches(place, options, variants);
  const samplesBlob = put(samples);
  const profiles = place.backendId.endsWith('wasm')
    ? []
    : variants.map((variant, index) => ({
        variantDigest: variant.digest,
        blob: put(syntheticProfile(index > 0)),
        inferences: 3,
      }));
  const facts = {
    backend: { id: place.backendId, version: '1.30.0' },
    scenario: 'single-stream',
    settings: syntheticSettings,
    threadsUsed: 2,
    launches,
    samplesBlob,
    profiles,
  };
  add(job, { kind: 'measure', facts }, [samplesBlob, ...profiles.map((profile) => profile.blob)]);
}

/** Rounds of one launch per variant in random order; log latency on a random walk over the launches. */
function syntheticLaunches(
  place: SyntheticPlace,
  options: SyntheticOptions,
  variants: readonly Variant[],
): { launches: Launch[]; samples: Uint8Array } {
  const random = createRandom(hash(`${options.seed ?? 1} ${place.deviceId} ${place.backendId} launches`));
  const { launchDrift = 0.008, sampleNoise = 0.01, samplesPerLaunch = 110 } = options;
  const launches: Launch[] = [];
  const samples: number[] = [];
  let drift = 0;
  for (let round = 0; round < (options.launches ?? 6); round++) {
    for (const index of shuffle([...variants.keys()], random)) {
      drift += launchDrift * gaussian(random);
      const medianNs = (place.latencyNs ?? 2e6) * (place.latencyFactors?.[index] ?? 1) * Math.exp(drift);
      const sampleOffset = samples.length;
      for (let i = 0; i < 5 + samplesPerLaunch; i++) {
        const slow = random.next() < 0.02 ? 1.4 : 1;
        samples.push(medianNs * slow * (1 + sampleNoise * gaussian(random)) * (i === 0 ? 1.8 : 1));
      }
      const launch = syntheticLaunch(
        variants[index]!,
        launches.length,
        medianNs,
        samplesPerLaunch,
        sampleOffset,
      );
      launches.push(place.changeLaunch ? place.changeLaunch(launch) : launch);
    }
  }
  return { launches, samples: float64Bytes(samples) };
}

function syntheticLaunch(
  variant: Variant,
  order: number,
  medianNs: number,
  timedCount: number,
  sampleOffset: number,
): Launch {
  const timedWallNs = medianNs * timedCount;
  const startedAtUnixMs = createdAtMs + order * 5000;
  return {
    variantDigest: variant.digest,
    order,
    startedAtUnixMs,
    spawnNs: 8e7,
    backendLoadNs: 4.1e7 + order * 1e5,
    createNs: 1.2e7 + order * 2e4,
    firstInferenceNs: medianNs * 2.6,
    sampleOffset,
    warmupCount: 5,
    timedCount,
    steady: true,
    timedWallNs,
    cpuTimeNs: timedWallNs * 1.9,
    agentCpuTimeNs: 1e6,
    peakMemoryBytes: 71_000_000 + variant.sizeBytes * 3,
    involuntarySwitches: 3,
    inputDigest: digestBytes('timed inputs'),
    environmentBefore: { atUnixMs: startedAtUnixMs, busyTicks: 0, stealTicks: 0, temperatureMilliC: 48_000 },
    environmentAfter: {
      atUnixMs: startedAtUnixMs + timedWallNs / 1e6,
      busyTicks: Math.round((timedWallNs * 1.92) / 1e7),
      stealTicks: 0,
      temperatureMilliC: 51_500,
    },
  };
}

function addEvaluate(parts: AddOptions & { readonly index: number; readonly labels: Uint32Array }): void {
  const { place, variants, index, put, add, options } = parts;
  const count = place.inputs ?? 600;
  const variant = variants[index]!;
  const logits = syntheticLogits(parts, count);
  const comparison = put(float32Bytes(logits.subarray(0, Math.min(comparisonCount, count) * classes)));
  const topK = put(topKBytes(logits, count));
  const spec = {
    spec: 'evaluate' as const,
    evaluate: {
      backend: place.backendId,
      variant: { digest: variant.digest, name: variant.name, sizeBytes: variant.sizeBytes },
      settings: syntheticSettings,
      inputs: {
        datasetDigest: digestBytes('dataset'),
        contract: null,
        item: null,
        shards: [],
        count,
        randomSeed: 0,
      },
      comparisonCount,
      topK: topKept,
      repeatCount: 8,
      profile: false,
      inferenceLimitMs: 0,
    },
  };
  const facts = {
    backend: { id: place.backendId, version: '1.30.0' },
    variantDigest: variant.digest,
    settings: syntheticSettings,
    datasetDigest: digestBytes('dataset'),
    count,
    inputDigest: place.inputDigest ?? digestBytes(`inputs ${count} ${options.seed ?? 1}`),
    outputDigest: digestBytes(float32Bytes(logits)),
    outputs: [{ name: 'logits', elementType: 'float32', shape: [1, classes] }],
    comparison: { count: Math.min(comparisonCount, count), blob: comparison },
    topK: { k: topKept, blob: topK },
    nonFiniteInputs: 0,
    repeat: { count: 8, identical: true },
  };
  const job = syntheticJob(`${place.deviceId}-${place.backendId}-${variant.name}`, place.deviceId, spec);
  add(job, { kind: 'evaluate', facts }, [comparison, topK]);
}

/** The label's class wins by a margin that varies by input; the variant and the place add their noise. */
function syntheticLogits(
  parts: AddOptions & { readonly index: number; readonly labels: Uint32Array },
  count: number,
): Float32Array {
  const { place, index, labels, options } = parts;
  const shared = createRandom(hash(`${options.seed ?? 1} inputs`));
  const ofVariant = createRandom(hash(`${options.seed ?? 1} variant ${index}`));
  const ofPlace = createRandom(hash(`${options.seed ?? 1} ${place.deviceId} ${place.backendId} ${index}`));
  const placeNoise = (place.floatNoise ?? 0) + (index > 0 ? (place.integerNoise ?? 0) : 0);
  const logits = new Float32Array(count * classes);
  for (let input = 0; input < count; input++) {
    const margin = 1.5 + 5 * shared.next();
    for (let c = 0; c < classes; c++) {
      const clean = (c === labels[input] ? margin : 0) + gaussian(shared);
      const noise = kindOf(index).noise * gaussian(ofVariant) + placeNoise * gaussian(ofPlace);
      logits[input * classes + c] = clean + noise;
    }
  }
  return logits;
}

function topKBytes(logits: Float32Array, count: number): Uint8Array {
  const view = new DataView(new ArrayBuffer(count * topKept * 8));
  for (let input = 0; input < count; input++) {
    const row = logits.subarray(input * classes, (input + 1) * classes);
    const best = [...row.keys()].sort((a, b) => row[b]! - row[a]! || a - b).slice(0, topKept);
    best.forEach((c, rank) => {
      view.setUint32((input * 2 * topKept + rank) * 4, c, true);
      view.setFloat32((input * 2 * topKept + topKept + rank) * 4, row[c]!, true);
    });
  }
  return new Uint8Array(view.buffer);
}

function probeFacts(emulated: boolean): {
  readings: Reading[];
  latencyLadder: { workingSetBytes: number; loadNs: number }[];
} {
  const kernels = ['copy', 'triad'].flatMap((kernel) => [`${kernel}.1`, `${kernel}.all`]);
  if (emulated) {
    const readings = kernels.map((kernel) =>
      unavailable(`mem.bandwidth.${kernel}`, 'B/s', 'emulated: by qemu-user'),
    );
    return { readings, latencyLadder: [] };
  }
  const bandwidth = kernels.map(
    (kernel, index): Reading => ({
      quantity: `mem.bandwidth.${kernel}`,
      status: 'measured',
      value: 1.4e10 + 4e9 * index,
      unit: 'B/s',
      method: 'wasm-simd stream-variant/1',
      n: 9,
    }),
  );
  const compute = (['fp32', 'int8'] as const).map(
    (format): Reading => ({
      quantity: `compute.${format}.all`,
      status: 'measured',
      value: format === 'fp32' ? 1.1e11 : 3.4e11,
      unit: 'op/s',
      method: 'onnxruntime-gemm',
      n: 9,
    }),
  );
  const cache: Reading[] = [
    { quantity: 'cache.l1d.reported', status: 'measured', value: 32_768, unit: 'B', method: 'sysfs' },
    {
      quantity: 'cache.l1d.effective',
      status: 'derived',
      value: 32_768,
      unit: 'B',
      method: 'latency-ladder',
    },
    { quantity: 'cache.llc.reported', status: 'measured', value: 33_554_432, unit: 'B', method: 'sysfs' },
    {
      quantity: 'cache.llc.effective',
      status: 'derived',
      value: 4_194_304,
      unit: 'B',
      method: 'latency-ladder',
      interval: { low: 4_194_304, high: 6_291_456, method: 'last-inside-first-outside' },
    },
  ];
  const latencyLadder = Array.from({ length: 15 }, (_, i) => {
    const workingSetBytes = 4096 * 2 ** i;
    const loadNs =
      workingSetBytes <= 32_768
        ? 1.1
        : workingSetBytes <= 1 << 20
          ? 4.2
          : workingSetBytes <= 1 << 22
            ? 15
            : 190;
    return { workingSetBytes, loadNs: loadNs * (1 + 0.01 * (i % 3)) };
  });
  return { readings: [...bandwidth, ...compute, ...cache], latencyLadder };
}

const syntheticSettings = { threads: 0, batch: 1, providerOptions: {}, affinity: [], dimensions: {} };

function syntheticJob(id: string, deviceId: string, spec: JobRecord['spec']): JobRecord {
  return {
    id,
    runId: 'run-synthetic',
    deviceId,
    position: 0,
    kind: spec.spec ?? 'probe',
    spec,
    state: 'completed',
    fence: 1,
    attempts: 1,
    leaseUntilMs: undefined,
    notBeforeMs: 0,
    progress: undefined,
    failure: undefined,
    timeLimitMs: 600_000,
  };
}

function syntheticResult(
  job: JobRecord,
  outcome: JobResult['outcome'],
  blobs: string[],
): { digest: string; deviceId: string; result: JobResult } {
  const environment = { atUnixMs: createdAtMs };
  const result: JobResult = {
    schema: 'qfleet.result/1',
    jobId: job.id,
    runId: job.runId,
    fence: 1,
    attempt: 1,
    agentVersion: '0.1.0',
    bootId: `boot-${job.deviceId}`,
    startedAtUnixMs: createdAtMs,
    durationNs: 6e10,
    environmentBefore: environment,
    environmentAfter: environment,
    blobs,
    outcome,
  };
  return { digest: digestBytes(JSON.stringify(result)), deviceId: job.deviceId, result };
}

function syntheticModel(): Model {
  return {
    digest: digestBytes('model'),
    name: 'glyphnet',
    sizeBytes: syntheticVariants[0].sizeBytes,
    irVersion: 8,
    opsets: { '': 17 },
    producer: 'synthetic',
    inputs: [{ name: 'input', elementType: 'float32', shape: [1, 3, 32, 32] }],
    outputs: [{ name: 'logits', elementType: 'float32', shape: [1, classes] }],
    contract: {
      layout: 'NCHW',
      elementType: 'float32',
      channels: 'RGB',
      height: 32,
      width: 32,
      resize: 'cover' as const,
      filter: 'bilinear' as const,
      scale: 1,
      mean: [],
      deviation: [],
      inputName: '',
    },
    macs: 7_800_000,
    createdAtMs,
  };
}

/** Those beyond the named ones are like the last. */
function kindOf(index: number): (typeof syntheticVariants)[number] {
  return syntheticVariants[Math.min(index, syntheticVariants.length - 1)]!;
}

function syntheticVariant(model: Model, index: number): Variant {
  const known = kindOf(index);
  const { recipe, granularity, sizeBytes } = known;
  const name = index < syntheticVariants.length ? known.name : `${known.name}-${index}`;
  return {
    digest: index === 0 ? model.digest : digestBytes(name),
    modelDigest: model.digest,
    name,
    sizeBytes,
    record: {
      recipe,
      format: index === 0 ? 'float32' : 'uint8/int8',
      granularity,
      quantizedOperators: index === 0 ? {} : { Conv: 52, Add: 10 },
      floatOperators: index === 0 ? { Conv: 52, Add: 10 } : { Softmax: 1 },
      ...(index > 0 && { layerCheck: syntheticLayerCheck(index) }),
      notes: [],
    },
    createdAtMs,
  };
}

/** Falls from layer to layer, the more the coarser the granularity. */
function syntheticLayerCheck(index: number): NonNullable<Variant['record']['layerCheck']> {
  const tensors = Array.from({ length: 12 }, (_, i) => ({
    tensor: `features.${i}/output`,
    simulationSqnrDb: 46 - (index === 1 ? 2.2 : 0.9) * i - (i % 3),
    kernelSqnrDb: 61 - i,
    codesDiffer: 0.002 * i,
  }));
  return { inputs: 4, activations: tensors.slice(0, -1), outputs: tensors.slice(-1) };
}

function syntheticDataset(count: number, options: SyntheticOptions): Dataset {
  return {
    digest: digestBytes('dataset'),
    name: 'glyphs',
    item: { elementType: 'uint8', shape: [32, 32, 3] },
    channels: 'RGB',
    count,
    ...(options.labels !== 'none' && { classes: { count: options.datasetClasses ?? classes } }),
    splits: { all: { count, shards: [], itemDigestsBlob: digestBytes('items') } },
    source: 'synthetic',
    createdAtMs,
  };
}

function syntheticLabels(count: number, seed: number): Uint32Array {
  const random = createRandom(hash(`${seed} labels`));
  return Uint32Array.from({ length: count }, () => random.below(classes));
}

function presentedLabels(labels: Uint32Array, options: SyntheticOptions): Uint32Array | undefined {
  if (options.labels === 'none') return undefined;
  if (options.labels !== 'shuffled') return labels;
  return Uint32Array.from(shuffle([...labels], createRandom(hash('shuffle'))));
}

function syntheticRun(
  model: Model,
  variants: readonly Variant[],
  places: readonly SyntheticPlace[],
  { seed = 1, evaluates = true }: SyntheticOptions,
): RunRecord {
  return {
    id: 'run-synthetic',
    name: 'synthetic',
    plan: planSchema.parse({
      model: model.name,
      ...(evaluates && { evaluation: { dataset: 'glyphs' } }),
      seed,
    }),
    modelDigest: model.digest,
    variantDigests: variants.map((variant) => variant.digest),
    deviceIds: [...new Set(places.map((place) => place.deviceId))],
    datasetDigest: evaluates ? digestBytes('dataset') : undefined,
    state: 'completed',
    reason: '',
    notes: [],
    createdAtMs,
    finishedAtMs: createdAtMs + 120_000,
  };
}

function syntheticDevice(places: readonly SyntheticPlace[]): DeviceRecord {
  const place = places[0]!;
  return {
    id: place.deviceId,
    name: place.deviceName ?? place.deviceId,
    publicKey: '',
    state: 'approved',
    createdAtMs,
    lastSeenAtMs: createdAtMs,
    agentVersion: '0.1.0',
    bootId: `boot-${place.deviceId}`,
    inventory: syntheticInventory(place),
    backends: places.map(({ backendId }) => ({
      id: backendId,
      available: true,
      version: '1.30.0',
      reason: '',
      capabilities: {},
    })),
    clockOffsetMs: 0,
  };
}

function syntheticInventory(place: SyntheticPlace): Inventory {
  const arm = place.deviceId.includes('a53');
  return {
    schema: 'qfleet.inventory/1',
    hostname: place.deviceId,
    ...(arm && { board: 'Raspberry Pi 3 Model B Plus Rev 1.3' }),
    architecture: arm ? 'arm64' : 'x64',
    cpu: {
      model: arm ? 'ARMv8 Processor rev 4 (v8l)' : 'Synthetic x86 processor',
      ...(arm && { core: 'Cortex-A53' }),
      processors: 2,
      features: arm ? ['fp', 'asimd', 'crc32'] : ['avx2', 'avx512_vnni'],
    },
    caches: [{ level: 1, type: 'data', sizeBytes: 32_768, source: 'sysfs' }],
    memoryBytes: 1e9,
    os: 'Debian GNU/Linux 12',
    kernel: '6.6.0',
    nodeVersion: '24.21.0',
    ...(place.emulated && { emulated: { by: 'qemu-user', cpu: 'cortex-a53' } }),
  };
}

/** Three inferences of a small graph, as ONNX Runtime's trace has them. */
function syntheticProfile(quantized: boolean): Uint8Array {
  const nodes = quantized
    ? [
        ['QuantizeLinear', 'float', 12],
        ['QLinearConv', 'uint8', 300],
        ['QLinearConv', 'uint8', 250],
        ['MaxPool', 'uint8', 20],
        ['DequantizeLinear', 'uint8', 8],
        ['Softmax', 'float', 10],
      ]
    : [
        ['Conv', 'float', 700],
        ['Conv', 'float', 640],
        ['MaxPool', 'float', 40],
        ['Softmax', 'float', 10],
      ];
  const events: unknown[] = [{ cat: 'Session', name: 'model_run', dur: 5000, ph: 'X', args: {} }];
  for (let inference = 0; inference < 3; inference++) {
    nodes.forEach(([type, input, durationUs], index) => {
      events.push({
        cat: 'Node',
        ph: 'X',
        dur: durationUs,
        ts: inference * 2000 + index,
        name: `node${index}_kernel_time`,
        args: { op_name: type, node_index: String(index), input_type_shape: [{ [String(input)]: [1, 8] }] },
      });
    });
  }
  return new TextEncoder().encode(JSON.stringify(events));
}

function float64Bytes(values: readonly number[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(values.length * 8));
  values.forEach((value, index) => {
    view.setFloat64(index * 8, value, true);
  });
  return new Uint8Array(view.buffer);
}

function float32Bytes(values: Float32Array): Uint8Array {
  const view = new DataView(new ArrayBuffer(values.length * 4));
  values.forEach((value, index) => {
    view.setFloat32(index * 4, value, true);
  });
  return new Uint8Array(view.buffer);
}

function gaussian(random: Random): number {
  let sum = 0;
  for (let i = 0; i < 12; i++) sum += random.next();
  return sum - 6;
}

function hash(text: string): number {
  return Number.parseInt(digestBytes(text).slice(0, 8), 16);
}

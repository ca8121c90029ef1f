import * as z from 'zod';
import { readingSchema } from '../reading-schema.ts';

const digest = z.string().regex(/^[0-9a-f]{64}$/);
const count = z.number().int().nonnegative();
/** A duration on the monotonic clock, nanoseconds. */
const durationNs = z.number().nonnegative();
/**
 * Upper bounds of lists and texts in a result, far above what a plan can ask for, so that no device can make a report of
 * gigabytes out of a few megabytes.
 */
const resultLimits = {
  /** A day has 8,640 windows of 10 s. */
  windows: 20_000,
  /** A histogram of three digits, compressed, base64: some 200 to 20,000 characters. */
  histogramCharacters: 90_000,
} as const;

/** State of the device around a measurement; absent fields were not to be had. */
export const environmentSchema = z.object({
  /** Agent's wall clock, milliseconds since 1970. */
  atUnixMs: z.number(),
  /** The same moment on the agent's monotonic clock, milliseconds: to difference, within one result. */
  monotonicMs: z.number().optional(),
  governor: z.string().optional(),
  frequencyHz: z.number().optional(),
  temperatureMilliC: z.number().optional(),
  /** Raspberry Pi's `get_throttled` bits. */
  throttledBits: z.number().int().optional(),
  load1: z.number().optional(),
  freeMemoryBytes: z.number().optional(),
  /** Since boot, ticks of 10 ms from /proc/stat: to difference. */
  stealTicks: z.number().optional(),
  busyTicks: z.number().optional(),
  /** Time in which some task waited for a processor since boot, µs: `total` of /proc/pressure/cpu, to difference. */
  pressureUs: z.number().optional(),
  /** Time for which the control group's processor quota held us back, µs, to difference. */
  quotaThrottledUs: z.number().optional(),
  /** Power mode in the board's own words: `MAXN`, `5W`. */
  powerMode: z.string().optional(),
});

/** Why an attempt or a launch failed. The class decides whether it is tried again. */
export const failureSchema = z.object({
  class: z
    .enum([
      /** The device's memory ran out: an allocation failed, or the kernel ended the runner. */
      'oom',
      /** The agent's limit of memory, time or file size ended the runner. */
      'memory-limit',
      'time-limit',
      'file-limit',
      /** Somebody else ended the runner. */
      'killed',
      /** The host's measurement lock was not to be had. */
      'host-busy',
      /** The job's time was over. */
      'timeout',
      'crashed',
      'bad-model',
      'digest-mismatch',
      'unsupported',
      'bad-input',
      'disk-full',
      'cancelled',
      'internal',
    ])
    // A newer agent's class that this version does not know: its message says what it is.
    .catch('internal'),
  message: z.string(),
  hint: z.string().optional(),
});

/** One rate that a server launch tried. */
export const rateTrialSchema = z.object({
  ratePerSec: z.number(),
  queries: count,
  /** Queries whose latency exceeded the bound. */
  overBound: count,
  /** LoadGen's early-stopping test of the bound at the percentile. */
  passed: z.boolean(),
});

/** One fresh runner process that timed one variant. Its samples lie in the job's samples blob. */
export const launchSchema = z.object({
  variantDigest: digest,
  /** Position in the job's random order. */
  order: count,
  /** 0: the first series of launches; more where all were made again because the timing was not to be trusted. */
  series: count.optional(),
  startedAtUnixMs: z.number(),
  failure: failureSchema.optional(),
  /** From the start of the process until it takes orders. */
  spawnNs: durationNs.optional(),
  /** The backend's library loads. */
  backendLoadNs: durationNs.optional(),
  /** The variant is read and its session created. */
  createNs: durationNs.optional(),
  firstInferenceNs: durationNs.optional(),
  /**
   * Latencies in the blob: `warmupCount` from `sampleOffset` on, then `timedCount`, one per query (offline: one per
   * inference; server: of the highest rate that passed). Float64 nanoseconds, little-endian.
   */
  sampleOffset: count.optional(),
  warmupCount: count.optional(),
  timedCount: count.optional(),
  /** Whether the warm-up reached the steady state before its limit. */
  steady: z.boolean().optional(),
  /** From the start of the first timed inference to the end of the last. */
  timedWallNs: durationNs.optional(),
  /** What a latency holds where the backend times itself (trtexec); absent: one inference in the runner. */
  latencySource: z.string().optional(),
  /** Samples that were answered in the timed section: queries × samples per query. */
  timedSamples: count.optional(),
  /** fixed-rate: frames that were offered, and those of them that were dropped. */
  offeredFrames: count.optional(),
  droppedFrames: count.optional(),
  /** server: every rate tried, in order. The highest that passed is the launch's figure. */
  rateTrials: z.array(rateTrialSchema).optional(),
  /** CPU time of the runner, user and system, in the timed section. */
  cpuTimeNs: durationNs.optional(),
  /** CPU time of the agent's own process meanwhile. */
  agentCpuTimeNs: durationNs.optional(),
  peakMemoryBytes: z.number().optional(),
  involuntarySwitches: count.optional(),
  /** SHA-256 of the final bytes of the inputs that were fed, in order. */
  inputDigest: digest.optional(),
  /** Dimensions of the inputs as they were fed, by name. */
  inputShapes: z.record(z.string(), z.array(z.number())).optional(),
  environmentBefore: environmentSchema.optional(),
  environmentAfter: environmentSchema.optional(),
  /** Read by the agent once in a while during the timed section. */
  environmentDuring: z.array(environmentSchema).optional(),
});

/** One event counted over all threads of a launch, or why it was not. */
export const eventCountSchema = z.object({
  /** By level and meaning: `cycles`, `instructions`, `l1d.refills`, `l2.refills`, `task-clock`, … */
  name: z.string(),
  /** What was opened: `raw:0x17 L2D_CACHE_REFILL`, `hardware:3`, `software:1`. */
  event: z.string(),
  value: z.number().optional(),
  enabledNs: durationNs.optional(),
  runningNs: durationNs.optional(),
  /** Counted in user space alone, since the kernel's part was not allowed. */
  isUserOnly: z.boolean().optional(),
  /** `no-pmu`, `permission: …`, `seccomp: …`, `not-supported: …`, `multiplexed`, … */
  reason: z.string().optional(),
});

/** A launch of its own under counters and power meters; its latencies are nobody's headline. */
export const counterLaunchSchema = z.object({
  variantDigest: digest,
  failure: failureSchema.optional(),
  inferences: count.optional(),
  wallNs: durationNs.optional(),
  cpuTimeNs: durationNs.optional(),
  events: z.array(eventCountSchema),
  /** One per meter found: mean power, or energy where the meter counts it; idle power measured just before. */
  power: z.array(
    z.object({
      /** `ina3221:POM_5V_IN`, `rapl:package-0`, `pi5-pmic`. */
      source: z.string(),
      samples: count,
      meanW: z.number().optional(),
      idleW: z.number().optional(),
      energyJ: z.number().optional(),
      reason: z.string().optional(),
    }),
  ),
  /** Traffic at the memory controller, where the SoC counts it, meanwhile. */
  memoryTraffic: z
    .array(
      z.object({
        /** `tegra-emc`, `resctrl-mbm`. */
        source: z.string(),
        bytesPerSec: z.number().optional(),
        utilisation: z.number().optional(),
        reason: z.string().optional(),
      }),
    )
    .optional(),
});

/** A launch that ran without a pause for minutes. Its latencies lie in windows. */
export const sustainedLaunchSchema = z.object({
  variantDigest: digest,
  failure: failureSchema.optional(),
  /** In order, without gaps. */
  windows: z
    .array(
      z.object({
        /** Since the first inference. */
        startNs: durationNs,
        endNs: durationNs,
        inferences: count,
        /** Histogram of latencies in nanoseconds: HdrHistogram V2, compressed, base64. */
        histogram: z.string().max(resultLimits.histogramCharacters),
        environment: environmentSchema,
      }),
    )
    .max(resultLimits.windows),
});

const settingsSchema = z.object({
  threads: count,
  batch: count,
  providerOptions: z.record(z.string(), z.string()),
  affinity: z.array(count),
  dimensions: z.record(z.string(), count),
});

const backendSchema = z.object({ id: z.string(), version: z.string() });

export const measureFactsSchema = z.object({
  backend: backendSchema,
  scenario: z.string(),
  settings: settingsSchema,
  /** Threads that were really used where the setting is 0. */
  threadsUsed: count,
  /** How the load was offered, the defaults filled in; absent: single-stream, one sample a query. */
  load: z
    .object({
      samplesPerQuery: count,
      targetRatePerSec: z.number(),
      latencyBoundNs: z.number(),
      percentile: z.number(),
      frameRatePerSec: z.number(),
      scheduleSeed: count,
      backgroundProcesses: count,
      companions: z.array(digest),
    })
    .optional(),
  launches: z.array(launchSchema),
  samplesBlob: digest.optional(),
  /** Operator profiles, one per variant that was profiled: the runtime's own JSON trace. */
  profiles: z.array(z.object({ variantDigest: digest, blob: digest, inferences: count })),
  counterLaunches: z.array(counterLaunchSchema).optional(),
  sustainedLaunches: z.array(sustainedLaunchSchema).optional(),
});

/** One output tensor of the evaluated variant, per input. */
const outputSchema = z.object({ name: z.string(), elementType: z.string(), shape: z.array(count) });

export const evaluateFactsSchema = z.object({
  backend: backendSchema,
  variantDigest: digest,
  settings: settingsSchema,
  datasetDigest: z.string(),
  /** Inputs evaluated, the first `count` of the job's. */
  count,
  /**
   * SHA-256 over lines, one for each input in order: the SHA-256 of the final bytes of all tensors that were fed, in
   * the model's order, as 64 hexadecimal digits and a line feed. Of lines, so that an attempt that resumes after
   * finished shards comes to the same digest.
   */
  inputDigest: digest,
  /** The same over the bytes of all outputs, little-endian, outputs in the model's order. */
  outputDigest: digest,
  outputs: z.array(outputSchema),
  /** How outputs came about, in words, where not as in a timed inference. */
  outputSource: z.string().optional(),
  /** Raw outputs of the first inputs: all outputs of input 0, then of input 1, …; float32 little-endian. */
  comparison: z.object({ count, blob: digest }),
  /**
   * For every input the `k` largest values of the first output, largest first, ties to the lower index:
   * k uint32 indices then k float32 values, little-endian. Absent where the first output is no vector.
   */
  topK: z.object({ k: count, blob: digest }).optional(),
  /** Inputs with a NaN or an infinity in an output. */
  nonFiniteInputs: count,
  /** How many inputs were run twice, and whether all outputs were the same bytes. */
  repeat: z.object({ count, identical: z.boolean() }),
  /** Operator profile where the job asked for one: the runtime's own JSON trace of one inference. */
  profile: digest.optional(),
});

export const probeFactsSchema = z.object({
  readings: z.array(readingSchema),
  /** Pointer chase: time per load by working set. */
  latencyLadder: z.array(z.object({ workingSetBytes: count, loadNs: z.number() })),
});

/** The result of one attempt, schema `qfleet.result/1`: raw facts, serialised once by the agent. */
export const jobResultSchema = z.object({
  schema: z.literal('qfleet.result/1'),
  jobId: z.string(),
  runId: z.string(),
  fence: count,
  attempt: count,
  agentVersion: z.string(),
  bootId: z.string(),
  startedAtUnixMs: z.number(),
  durationNs,
  environmentBefore: environmentSchema,
  environmentAfter: environmentSchema,
  /** Every blob that the result refers to. */
  blobs: z.array(digest),
  outcome: z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('failed'), failure: failureSchema }),
    z.object({ kind: z.literal('probe'), facts: probeFactsSchema }),
    z.object({ kind: z.literal('measure'), facts: measureFactsSchema }),
    z.object({ kind: z.literal('evaluate'), facts: evaluateFactsSchema }),
  ]),
});

export type Environment = z.infer<typeof environmentSchema>;
export type Failure = z.infer<typeof failureSchema>;
export type FailureClass = Failure['class'];
export type RateTrial = z.infer<typeof rateTrialSchema>;
export type EventCount = z.infer<typeof eventCountSchema>;
export type CounterLaunch = z.infer<typeof counterLaunchSchema>;
export type SustainedLaunch = z.infer<typeof sustainedLaunchSchema>;
export type Launch = z.infer<typeof launchSchema>;
export type MeasureFacts = z.infer<typeof measureFactsSchema>;
export type EvaluateFacts = z.infer<typeof evaluateFactsSchema>;
export type ProbeFacts = z.infer<typeof probeFactsSchema>;
export type JobResult = z.infer<typeof jobResultSchema>;

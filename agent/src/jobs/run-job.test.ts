import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { ChildLimits } from '@qfleet/shared/child/confine-command.ts';
import { QfleetError } from '@qfleet/shared/errors.ts';
import type { Inputs__Output } from '@qfleet/shared/gen/qfleet/v1/Inputs.ts';
import { createLogger } from '@qfleet/shared/logger.ts';
import { createRandom } from '@qfleet/shared/random.ts';
import { type EvaluateFacts, jobResultSchema, type MeasureFacts } from '@qfleet/shared/result/job-result.ts';
import { BlobCache } from '../blobs/blob-cache.ts';
import { startRunner } from '../runner/start-runner.ts';
import {
  buildClassifier,
  buildDoubling,
  buildEndlessLoop,
  buildInflating,
  buildOnnx,
} from '../testing/build-onnx.ts';
import { changeSilently } from '../testing/change-silently.ts';
import { makeEvaluateJob, makeMeasureJob, randomInputs, smallImages, wrapJob } from '../testing/make-job.ts';
import { makeTools, storeBlob } from '../testing/make-tools.ts';
import { temporaryFolder } from '../testing/temporary-folder.ts';
import { plainContract } from './fetch-pool-source.ts';
import { type FinishedJob, type JobRun, type JobTools, runJob } from './run-job.ts';

const itemBytes = 16;
const elsewhere = process.platform === 'linux' ? false : 'limits of Linux';

describe('running a job', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let blobs: string;
  let number = 0;
  before(async () => {
    folder = await temporaryFolder();
    blobs = join(folder.path, 'blobs');
  });
  after(() => folder[Symbol.asyncDispose]());

  const run = (
    over: Partial<JobRun> & Pick<JobRun, 'job'>,
    tools: Partial<JobTools> = {},
  ): Promise<FinishedJob> =>
    runJob(
      {
        workFolder: join(folder.path, `work-${number++}`),
        signal: new AbortController().signal,
        onProgress: () => undefined,
        ...over,
      },
      makeTools(blobs, tools),
    );
  const variant = async (bytes: Uint8Array, name = 'v') => ({ ...(await storeBlob(blobs, bytes)), name });
  /** Two shards, of 3 and 2 images. */
  const dataset = async (count = 5): Promise<Inputs__Output> => {
    const items = Uint8Array.from({ length: 5 * itemBytes }, (_, i) => (i * 31 + (i >> 4) * 7) % 256);
    const first = await storeBlob(blobs, items.subarray(0, 3 * itemBytes));
    const second = await storeBlob(blobs, items.subarray(3 * itemBytes));
    return {
      datasetDigest: 'd'.repeat(64),
      contract: smallImages,
      item: { elementType: 'uint8', shape: [4, 4, 1] },
      shards: [
        { ...first, firstIndex: 0, count: 3 },
        { ...second, firstIndex: 3, count: 2 },
      ],
      count,
      randomSeed: 0,
    };
  };
  const measured = ({ result }: FinishedJob): MeasureFacts => {
    assert.equal(result.outcome.kind, 'measure', JSON.stringify(result.outcome));
    return (result.outcome as { facts: MeasureFacts }).facts;
  };
  const evaluated = ({ result }: FinishedJob): EvaluateFacts => {
    assert.equal(result.outcome.kind, 'evaluate', JSON.stringify(result.outcome));
    return (result.outcome as { facts: EvaluateFacts }).facts;
  };
  const failure = ({ result }: FinishedJob) => {
    assert.equal(result.outcome.kind, 'failed');
    return (result.outcome as Extract<typeof result.outcome, { kind: 'failed' }>).failure;
  };
  const blobOf = (finished: FinishedJob, digest: string | undefined): Promise<Buffer> =>
    readFile(finished.blobs.find((blob) => blob.digest === digest)?.path ?? 'missing');

  it('launches every variant once in each round and keeps all samples', async () => {
    const variants = [
      await variant(buildDoubling(['N', 1, 4, 4]), 'a'),
      await variant(buildDoubling(['N', 1, 4, 4], 'another'), 'b'),
    ];
    const finished = await run({
      job: wrapJob({ measure: makeMeasureJob({ variants, launchesPerVariant: 2, profile: true }) }),
    });
    jobResultSchema.parse(JSON.parse(JSON.stringify(finished.result)));
    const facts = measured(finished);
    const order = facts.launches.map(({ variantDigest }) => variantDigest);
    for (const round of [0, 1]) {
      assert.deepEqual(
        new Set(order.slice(2 * round, 2 * round + 2)),
        new Set(variants.map(({ digest }) => digest)),
      );
    }
    const samples = await blobOf(finished, facts.samplesBlob);
    const last = facts.launches.at(-1);
    assert.equal(samples.length, 8 * (last!.sampleOffset! + last!.warmupCount! + last!.timedCount!));
    for (let i = 0; i < samples.length / 8; i++) assert.ok(samples.readDoubleLE(8 * i) > 0);
    assert.equal(new Set(facts.launches.map(({ inputDigest }) => inputDigest)).size, 1);
    assert.equal(facts.profiles.length, 2);
    const trace = JSON.parse((await blobOf(finished, facts.profiles[0]?.blob)).toString('utf8')) as {
      cat: string;
    }[];
    assert.ok(trace.some(({ cat }) => cat === 'Node'));
    assert.deepEqual(new Set(finished.result.blobs), new Set(finished.blobs.map(({ digest }) => digest)));
  });

  it('feeds a timed launch the items of the dataset', async () => {
    const variants = [await variant(buildDoubling(['N', 1, 4, 4]))];
    const onData = measured(
      await run({
        job: wrapJob({
          measure: makeMeasureJob({ variants, inputs: await dataset(), launchesPerVariant: 1 }),
        }),
      }),
    );
    const onNoise = measured(
      await run({ job: wrapJob({ measure: makeMeasureJob({ variants, launchesPerVariant: 1 }) }) }),
    );
    assert.notEqual(onData.launches[0]?.inputDigest, onNoise.launches[0]?.inputDigest);
  });

  it('goes on with the other variants where one cannot be launched, and launches that one no more', async () => {
    const bad = await variant(Buffer.from('no model at all'), 'bad');
    const good = await variant(buildDoubling(['N', 1, 4, 4]), 'good');
    const facts = measured(
      await run({ job: wrapJob({ measure: makeMeasureJob({ variants: [bad, good] }) }) }),
    );
    const ofBad = facts.launches.filter(({ variantDigest }) => variantDigest === bad.digest);
    const ofGood = facts.launches.filter(({ variantDigest }) => variantDigest === good.digest);
    assert.deepEqual(
      ofBad.map(({ failure: found }) => found?.class),
      ['bad-model'],
    );
    assert.deepEqual(
      ofGood.map(({ failure: found }) => found),
      [undefined, undefined],
    );
  });

  it('fails with the first failure where no variant could be timed', async () => {
    const variants = [await variant(buildDoubling(['N', 3, 4, 4]))];
    const found = failure(
      await run({ job: wrapJob({ measure: makeMeasureJob({ variants, inputs: await dataset() }) }) }),
    );
    assert.equal(found.class, 'bad-input');
    assert.match(found.message, /expected float32 \[N, 3, 4, 4\], got float32 \[1, 1, 4, 4\]/);
  });

  it('tells a variant that crashes its runner by the signal, after one more try', async () => {
    const variants = [await variant(buildDoubling(['N', 1, 4, 4]))];
    const nodeCommand = ['/bin/sh', '-c', 'kill -SEGV $$'];
    const found = failure(
      await run({ job: wrapJob({ measure: makeMeasureJob({ variants }) }) }, { nodeCommand }),
    );
    assert.equal(found.class, 'crashed');
    assert.match(found.message, /None of 2 launches.*SIGSEGV/);
  });

  it('does not take a runner that somebody killed for one that ran out of memory', async () => {
    const variants = [await variant(buildDoubling(['N', 1, 4, 4]))];
    const nodeCommand = ['/bin/sh', '-c', 'kill -KILL $$'];
    const found = failure(
      await run({ job: wrapJob({ measure: makeMeasureJob({ variants }) }) }, { nodeCommand }),
    );
    assert.equal(found.class, 'killed');
    assert.match(found.message, /None of 2 launches.*SIGKILL/);
  });

  it('ends a variant that takes more memory than a runner may have, and says so', {
    skip: elsewhere,
  }, async () => {
    const large = await variant(buildInflating(1e9));
    assert.ok(large.sizeBytes < 200);
    const runnerMemoryBytes = 2 ** 28;
    const inputs = {
      ...(await dataset()),
      contract: plainContract,
      item: { elementType: 'float32', shape: [1] },
    };
    const jobs = [
      {
        measure: makeMeasureJob({ variants: [large], inputs: { ...randomInputs, contract: plainContract } }),
      },
      { evaluate: makeEvaluateJob({ variant: large, inputs }) },
    ];
    for (const job of jobs) {
      const found = failure(await run({ job: wrapJob(job) }, { runnerMemoryBytes }));
      assert.equal(found.class, 'memory-limit', found.message);
      assert.match(found.message, /memory limit of 898 MB/);
    }
  });

  it('ends an inference that takes longer than the plan lets it, long before the job’s limit', async () => {
    const endless = await variant(buildEndlessLoop(['N', 1, 4, 4]));
    const [measure, evaluate] = [
      makeMeasureJob({ variants: [endless], inferenceLimitMs: 300 }),
      makeEvaluateJob({ variant: endless, inputs: await dataset(), inferenceLimitMs: 300 }),
    ];
    for (const [job, words] of [
      [{ measure }, /The first inference took longer than its limit of 0\.3 s/],
      [{ evaluate }, /one input of it, took longer than its limit of 0\.3 s/],
    ] as const) {
      const found = failure(await run({ job: wrapJob(job) }));
      assert.equal(found.class, 'time-limit', found.message);
      assert.match(found.message, words);
    }
  });

  it('bounds a runner’s processor time by the job’s, for an agent that cannot end it', {
    skip: elsewhere,
  }, async () => {
    const limits: (ChildLimits | undefined)[] = [];
    const variants = [await variant(buildEndlessLoop(['N', 1, 4, 4]))];
    const finished = await run(
      { job: wrapJob({ measure: makeMeasureJob({ variants }) }, { timeLimitMs: 60_000 }) },
      {
        startRunner: (options) => {
          limits.push(options.limits);
          return startRunner({ ...options, limits: { ...options.limits, cpuSeconds: 1 } });
        },
      },
    );
    assert.equal(limits[0]?.cpuSeconds, 60 * availableParallelism());
    assert.deepEqual(
      [failure(finished).class, failure(finished).message],
      ['time-limit', 'The runner used up its 1 s of processor time.'],
    );
  });

  it('evaluates every input of all shards and describes the outputs', async () => {
    const values = Array.from({ length: 48 }, (_, i) => ((i * 13) % 17) / 17 - 0.5);
    const classifier = await variant(buildClassifier(['N', 1, 4, 4], { pixels: 16, classes: 3, values }));
    const finished = await run({
      job: wrapJob({
        evaluate: makeEvaluateJob({ variant: classifier, inputs: await dataset(), comparisonCount: 4 }),
      }),
    });
    jobResultSchema.parse(JSON.parse(JSON.stringify(finished.result)));
    const facts = evaluated(finished);
    assert.equal(facts.count, 5);
    assert.deepEqual(facts.outputs, [{ name: 'logits', elementType: 'float32', shape: [1, 3] }]);
    assert.deepEqual(facts.repeat, { count: 2, identical: true });
    const comparison = await blobOf(finished, facts.comparison.blob);
    assert.equal(facts.comparison.count, 4);
    assert.equal(comparison.length, 4 * 3 * 4);
    const topK = await blobOf(finished, facts.topK?.blob);
    assert.equal(topK.length, 5 * 2 * 8);
    for (let input = 0; input < 4; input++) {
      const logits = [0, 1, 2].map((c) => comparison.readFloatLE(4 * (3 * input + c)));
      const best = topK.readUInt32LE(16 * input);
      assert.equal(logits[best], Math.max(...logits));
      assert.equal(topK.readFloatLE(16 * input + 8), Math.max(...logits));
    }
  });

  it('defines the input digest over one line for each input', async () => {
    const doubling = await variant(buildDoubling(['N', 1, 4, 4]));
    const inputs = await dataset();
    const facts = evaluated(
      await run({ job: wrapJob({ evaluate: makeEvaluateJob({ variant: doubling, inputs }) }) }),
    );
    const raw = Buffer.concat(
      await Promise.all(inputs.shards.map(({ digest }) => readFile(join(blobs, digest)))),
    );
    const lines = Array.from({ length: 5 }, (_, i) => {
      const pixels = Float32Array.from(raw.subarray(16 * i, 16 * i + 16), (p) =>
        Math.fround(p * Math.fround(1 / 255)),
      );
      return `${createHash('sha256').update(new Uint8Array(pixels.buffer)).digest('hex')}\n`;
    });
    assert.equal(facts.inputDigest, createHash('sha256').update(lines.join('')).digest('hex'));
  });

  it('evaluates no more than the job asks for', async () => {
    const doubling = await variant(buildDoubling(['N', 1, 4, 4]));
    const facts = evaluated(
      await run({
        job: wrapJob({ evaluate: makeEvaluateJob({ variant: doubling, inputs: await dataset(4) }) }),
      }),
    );
    assert.equal(facts.count, 4);
  });

  it('counts inputs whose outputs are not finite', async () => {
    const reciprocal = buildOnnx({
      inputs: [{ name: 'x', dims: ['N', 1, 4, 4] }],
      outputs: [{ name: 'y', dims: ['N', 1, 4, 4] }],
      nodes: [{ operator: 'Reciprocal', inputs: ['x'], outputs: ['y'] }],
    });
    const inputs = await dataset();
    // The first image's first pixel is 0; the others have none.
    const facts = evaluated(
      await run({
        job: wrapJob({ evaluate: makeEvaluateJob({ variant: await variant(reciprocal), inputs }) }),
      }),
    );
    const raw = Buffer.concat(
      await Promise.all(inputs.shards.map(({ digest }) => readFile(join(blobs, digest)))),
    );
    const expected = [0, 1, 2, 3, 4].filter((i) => raw.subarray(16 * i, 16 * i + 16).includes(0)).length;
    assert.ok(expected > 0 && expected < 5);
    assert.equal(facts.nonFiniteInputs, expected);
  });

  it('goes on after the finished shards when an evaluation comes again, to the same digests', async () => {
    const doubling = await variant(buildDoubling(['N', 1, 4, 4], 'resumed'));
    const inputs = await dataset();
    const workFolder = join(folder.path, 'resumed');
    const secondShard = inputs.shards[1]!.digest;
    const job = wrapJob({ evaluate: makeEvaluateJob({ variant: doubling, inputs }) });
    const fetched: string[] = [];
    const tools = makeTools(blobs);
    const first = await run(
      { job, workFolder },
      {
        acquireBlob: async (ref, options) => {
          if (ref.digest === secondShard) throw new QfleetError('not-found', 'gone for now');
          return tools.acquireBlob(ref, options);
        },
      },
    );
    assert.match(failure(first).message, /gone for now/);
    const second = await run(
      { job: { ...job, fence: 2 }, workFolder },
      {
        acquireBlob: async (ref, options) => {
          fetched.push(ref.digest);
          return tools.acquireBlob(ref, options);
        },
      },
    );
    assert.deepEqual(fetched, [doubling.digest, secondShard]);
    const whole = evaluated(await run({ job }));
    const resumed = evaluated(second);
    assert.deepEqual(resumed, whole);
    assert.equal(resumed.repeat.count, 2);
  });

  it('does not count what it measured or evaluated with a file that changed meanwhile', async () => {
    const doubling = await variant(buildDoubling(['N', 1, 4, 4], 'changing'));
    const inputs = await dataset();
    const jobs = [
      [{ measure: makeMeasureJob({ backend: 'noop', variants: [doubling] }) }, /^timing/, doubling.digest],
      [{ evaluate: makeEvaluateJob({ variant: doubling, inputs }) }, /^evaluated 0/, doubling.digest],
      [
        { evaluate: makeEvaluateJob({ variant: doubling, inputs }) },
        /^evaluated 3/,
        inputs.shards[1]!.digest,
      ],
    ] as const;
    for (const [spec, step, digest] of jobs) {
      const cacheFolder = join(folder.path, `cache-${number}`);
      const source = join(blobs, digest);
      const cache = await BlobCache.open({
        folder: cacheFolder,
        random: createRandom(1),
        log: createLogger({ name: 'test', level: 'silent' }),
        openBlob: async function* (wanted) {
          const data = await readFile(join(blobs, wanted));
          yield { offset: 0, data, totalBytes: data.length };
        },
      });
      let isChanged = false;
      const finished = await run(
        {
          job: wrapJob(spec),
          onProgress: (said) => {
            if (isChanged || !step.test(said)) return;
            isChanged = true;
            changeSilently(join(cacheFolder, digest));
          },
        },
        { acquireBlob: (ref, options) => cache.acquire(ref, options) },
      );
      assert.equal(failure(finished).class, 'digest-mismatch');
      assert.match(failure(finished).message, new RegExp(`${digest} changed on this device's disk`));
      assert.notDeepEqual(await readFile(join(cacheFolder, digest)), await readFile(source));
    }
  });

  it('evaluates a finished shard again that the disk has changed', async () => {
    const doubling = await variant(buildDoubling(['N', 1, 4, 4], 'spoilt shard'));
    const inputs = await dataset();
    const workFolder = join(folder.path, 'spoilt-shard');
    const job = wrapJob({ evaluate: makeEvaluateJob({ variant: doubling, inputs }) });
    const whole = evaluated(await run({ job, workFolder }));
    const saved = await readdir(join(workFolder, 'shards'));
    assert.equal(saved.length, 2);
    changeSilently(join(workFolder, 'shards', saved[0]!));
    assert.deepEqual(evaluated(await run({ job, workFolder })), whole);
  });

  it('feeds zeros to the other inputs of a model that has several', async () => {
    const two = buildOnnx({
      inputs: [
        { name: 'x', dims: ['N', 1, 4, 4] },
        { name: 'bias', dims: ['N', 1, 4, 4] },
      ],
      outputs: [{ name: 'y', dims: ['N', 1, 4, 4] }],
      nodes: [{ operator: 'Add', inputs: ['x', 'bias'], outputs: ['y'] }],
    });
    const inputs = await dataset(1);
    const unnamed = await run({
      job: wrapJob({ evaluate: makeEvaluateJob({ variant: await variant(two), inputs }) }),
    });
    assert.match(failure(unnamed).message, /2 inputs \(x, bias\)/);
    const named = { ...inputs, contract: { ...smallImages, inputName: 'x' } };
    const finished = await run({
      job: wrapJob({ evaluate: makeEvaluateJob({ variant: await variant(two), inputs: named }) }),
    });
    const comparison = await blobOf(finished, evaluated(finished).comparison.blob);
    const raw = await readFile(join(blobs, inputs.shards[0]!.digest));
    assert.equal(comparison.readFloatLE(4), Math.fround(raw[1]! * Math.fround(1 / 255)));
  });

  it('stops the runner when the job is cancelled and says so', async () => {
    const controller = new AbortController();
    const slow = await variant(buildDoubling(['N', 1, 4, 4], 'qfleet.noop busy_ns=20000000'));
    const measure = makeMeasureJob({
      backend: 'noop',
      variants: [slow],
      minSamples: 1_000_000,
      maxDurationMs: 600_000,
    });
    const finished = await run({
      job: wrapJob({ measure }),
      signal: controller.signal,
      onProgress: (step) => {
        if (step.startsWith('timing'))
          setTimeout(() => controller.abort(new QfleetError('cancelled', 'enough')), 1000);
      },
    });
    assert.deepEqual(failure(finished), { class: 'cancelled', message: 'enough' });
  });

  it('ends a job at its time limit', async () => {
    const slow = await variant(buildDoubling(['N', 1, 4, 4], 'qfleet.noop busy_ns=20000000'));
    const measure = makeMeasureJob({
      backend: 'noop',
      variants: [slow],
      minSamples: 1_000_000,
      maxDurationMs: 600_000,
    });
    assert.equal(failure(await run({ job: wrapJob({ measure }, { timeLimitMs: 1500 }) })).class, 'timeout');
  });

  it('does not count the wait for another measurement on this host', async () => {
    const variants = [await variant(buildDoubling(['N', 1, 4, 4]))];
    const job = wrapJob(
      { measure: makeMeasureJob({ variants, launchesPerVariant: 1 }) },
      { timeLimitMs: 20_000 },
    );
    let waited = false;
    const finished = await run(
      {
        job,
        onProgress: (step) => {
          if (step.startsWith('waiting for the lock')) waited = true;
        },
      },
      {
        lockHost: async ({ onWait }) => {
          onWait('waiting for the lock');
          return { [Symbol.asyncDispose]: async () => undefined };
        },
      },
    );
    assert.equal(finished.result.outcome.kind, 'measure');
    assert.ok(waited);
  });

  it('says unsupported for a scenario, a backend or a kind of job that it does not know', async () => {
    const variants = [await variant(buildDoubling(['N', 1, 4, 4]))];
    const scenario = await run({
      job: wrapJob({ measure: makeMeasureJob({ variants, scenario: 'burst' }) }),
    });
    const backend = await run({
      job: wrapJob({ measure: makeMeasureJob({ variants, backend: 'trtexec' }) }),
    });
    const kind = await run({ job: { id: 'j', runId: 'r', fence: 1, attempt: 1, timeLimitMs: 0 } });
    assert.deepEqual(
      [scenario, backend, kind].map((finished) => failure(finished).class),
      ['unsupported', 'unsupported', 'unsupported'],
    );
  });

  it('says disk-full and what to do where a blob does not fit', async () => {
    const finished = await run(
      { job: wrapJob({ measure: makeMeasureJob({ variants: [await variant(Buffer.from('x'))] }) }) },
      {
        acquireBlob: async () => {
          throw new QfleetError('resource-exhausted', 'The disk is full.', { hint: 'Free some space.' });
        },
      },
    );
    assert.deepEqual(failure(finished), {
      class: 'disk-full',
      message: 'The disk is full.',
      hint: 'Free some space.',
    });
  });
});

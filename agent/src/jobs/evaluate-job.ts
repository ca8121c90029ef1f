import { type Digest, parseDigest } from '@qfleet/shared/digest.ts';
import { QfleetError } from '@qfleet/shared/errors.ts';
import type { EvaluateJob__Output } from '@qfleet/shared/gen/qfleet/v1/EvaluateJob.ts';
import type { Inputs__Output } from '@qfleet/shared/gen/qfleet/v1/Inputs.ts';
import type { Shard__Output } from '@qfleet/shared/gen/qfleet/v1/Shard.ts';
import type { EvaluateFacts } from '@qfleet/shared/result/job-result.ts';
import { settingsFacts } from '@qfleet/shared/result/settings-facts.ts';
import type { PinnedBlob } from '../blobs/blob-cache.ts';
import type { OpenedVariant, ShardEvaluation } from '../runner/protocol.ts';
import type { Runner } from '../runner/start-runner.ts';
import { fetchPoolSource, plainContract } from './fetch-pool-source.ts';
import type { JobContext } from './job-context.ts';
import { isWorthAnotherLaunch, toFailure } from './job-failure.ts';
import { joinShards } from './join-shards.ts';
import { PartialEvaluation } from './partial-evaluation.ts';
import { recordProfile } from './record-profile.ts';
import { evaluationLimits, limitOptions, stageLimits } from './stage-limits.ts';

/** A shard and how many of its items are wanted. */
interface WantedShard {
  readonly shard: Shard__Output;
  readonly count: number;
}

interface Evaluation {
  readonly job: EvaluateJob__Output;
  readonly inputs: Inputs__Output & { readonly item: NonNullable<Inputs__Output['item']> };
  readonly settings: EvaluateFacts['settings'];
  readonly variant: PinnedBlob;
  readonly shards: readonly WantedShard[];
  readonly partial: PartialEvaluation;
  readonly context: JobContext;
}

/**
 * Runs a variant over a dataset, shard by shard in one runner under the host's lock; the next shard is fetched
 * meanwhile. Finished shards are kept on the disk, so that a later attempt on this device goes on after them; a
 * runner that crashes is started once more.
 */
export async function runEvaluateJob(job: EvaluateJob__Output, context: JobContext): Promise<EvaluateFacts> {
  const inputs = requireDataset(job.inputs);
  const shards = wantedShards(inputs);
  context.onProgress('fetching the variant', 0);
  using variant = await context.fetchBlob(requireVariant(job));
  const evaluation: Evaluation = {
    job,
    inputs,
    settings: settingsFacts(job.settings),
    variant,
    shards,
    partial: await PartialEvaluation.open(context.workFolder, job),
    context,
  };
  await using prefetch = new ShardPrefetch(evaluation);
  await using _lock = await context.lockHost();
  const opened = await evaluateWithRetry(evaluation, prefetch);
  const profile = job.profile ? await profileOnce(evaluation) : undefined;
  return { ...(await describeEvaluation(evaluation, opened)), ...(profile && { profile }) };
}

/** The trace of one inference; a failure leaves the evaluation as it is. */
async function profileOnce({
  job,
  inputs,
  settings,
  variant: { path: variantPath },
  context,
}: Evaluation): Promise<Digest | undefined> {
  context.onProgress('recording which kernels ran', 1);
  try {
    using pins = new DisposableStack();
    const first = { ...inputs, shards: inputs.shards.slice(0, 1) };
    const source = await fetchPoolSource(first, 1, { context, pins });
    const { threads, providerOptions, dimensions, affinity } = settings;
    const variant = { backend: job.backend, variantPath, threads, providerOptions, dimensions, batch: 1 };
    return await recordProfile({
      context,
      affinity,
      fileName: 'profile',
      limits: stageLimits(limitOptions(job, context), 0),
      request: { ...variant, inputs: source, inferences: 1 },
    });
  } catch (thrown) {
    context.signal.throwIfAborted();
    context.onProgress(`no profile: ${toFailure(thrown).message}`, 1);
    return undefined;
  }
}

function requireDataset(inputs: Inputs__Output | null): Evaluation['inputs'] {
  if (inputs?.item && inputs.shards.length > 0 && inputs.count > 0) return { ...inputs, item: inputs.item };
  throw new QfleetError(
    'invalid-argument',
    'There is nothing to evaluate: the job has no dataset, or an empty one.',
  );
}

function requireVariant(job: EvaluateJob__Output): NonNullable<EvaluateJob__Output['variant']> {
  if (job.variant) return job.variant;
  throw new QfleetError('invalid-argument', 'The job has no variant.');
}

function wantedShards(inputs: Inputs__Output): WantedShard[] {
  return inputs.shards
    .map((shard) => ({ shard, count: Math.min(shard.count, inputs.count - shard.firstIndex) }))
    .filter(({ count }) => count > 0);
}

async function evaluateWithRetry(evaluation: Evaluation, prefetch: ShardPrefetch): Promise<OpenedVariant> {
  try {
    return await evaluateShards(evaluation, prefetch);
  } catch (thrown) {
    if (!isWorthAnotherLaunch(toFailure(thrown)) || evaluation.context.signal.aborted) throw thrown;
    evaluation.context.onProgress('the runner crashed; starting it once more', 0);
    return await evaluateShards(evaluation, prefetch);
  }
}

async function evaluateShards(evaluation: Evaluation, prefetch: ShardPrefetch): Promise<OpenedVariant> {
  const { variant, shards, partial, settings, context } = evaluation;
  await using runner = await context.startRunner(settings.affinity);
  const opened = await openVariant(evaluation, runner);
  await partial.useVersion(opened.backendVersion);
  for (const [index, wanted] of shards.entries()) {
    if (partial.has(index)) continue;
    using file = await prefetch.take(index);
    prefetch.start(nextMissing(evaluation, index));
    const facts = await evaluateShard(evaluation, { runner, wanted, path: file.path });
    // A later attempt goes on from what is saved here, and does not see these files again.
    await variant.assertUnchanged();
    await file.assertUnchanged();
    await partial.save(index, facts);
  }
  return opened;
}

function openVariant(
  { job, settings, variant, context }: Evaluation,
  runner: Runner,
): Promise<OpenedVariant> {
  const { threads, providerOptions, dimensions } = settings;
  const { path: variantPath } = variant;
  return runner.request(
    { kind: 'open', backend: job.backend, variantPath, threads, providerOptions, dimensions, batch: 1 },
    { limits: stageLimits(limitOptions(job, context)) },
  );
}

async function evaluateShard(
  { job, inputs, context }: Evaluation,
  { runner, wanted, path }: { readonly runner: Runner; readonly wanted: WantedShard; readonly path: string },
): Promise<ShardEvaluation> {
  const { firstIndex } = wanted.shard;
  const report = (fraction: number): void => {
    const done = firstIndex + Math.round(fraction * wanted.count);
    context.onProgress(`evaluated ${done} of ${inputs.count} inputs`, done / inputs.count);
  };
  report(0);
  return await runner.request(
    {
      kind: 'shard',
      path,
      count: wanted.count,
      item: inputs.item,
      contract: inputs.contract ?? plainContract,
      comparisonCount: Math.max(0, job.comparisonCount - firstIndex),
      repeatCount: Math.max(0, job.repeatCount - firstIndex),
      topK: job.topK,
    },
    { onProgress: report, stage: 'working', limits: evaluationLimits(limitOptions(job, context)) },
  );
}

function nextMissing({ shards, partial }: Evaluation, after: number): number | undefined {
  return shards.findIndex((_, index) => index > after && !partial.has(index));
}

/** Fetches at most one shard ahead. */
class ShardPrefetch implements AsyncDisposable {
  readonly #evaluation: Evaluation;
  readonly #ahead = new Map<number, Promise<PinnedBlob>>();

  constructor(evaluation: Evaluation) {
    this.#evaluation = evaluation;
  }

  start(index: number | undefined): void {
    const wanted = index === undefined ? undefined : this.#evaluation.shards[index];
    if (index === undefined || !wanted || this.#ahead.has(index)) return;
    const fetching = this.#evaluation.context.fetchBlob(wanted.shard);
    // Whoever takes it hears of the failure.
    fetching.catch(() => undefined);
    this.#ahead.set(index, fetching);
  }

  async take(index: number): Promise<PinnedBlob> {
    this.start(index);
    const fetched = this.#ahead.get(index);
    this.#ahead.delete(index);
    if (!fetched) throw new QfleetError('internal', `There is no shard ${index}.`);
    return await fetched;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const left = await Promise.allSettled(this.#ahead.values());
    for (const result of left) if (result.status === 'fulfilled') result.value[Symbol.dispose]();
  }
}

async function describeEvaluation(
  { job, inputs, settings, shards, partial, context }: Evaluation,
  opened: OpenedVariant,
): Promise<EvaluateFacts> {
  const joined = joinShards(await Promise.all(shards.map((_, index) => partial.read(index))));
  const { comparison, topK, ...facts } = joined;
  return {
    backend: { id: job.backend, version: opened.backendVersion },
    variantDigest: parseDigest(job.variant?.digest ?? ''),
    settings,
    datasetDigest: inputs.datasetDigest,
    ...(opened.outputSource !== undefined && { outputSource: opened.outputSource }),
    ...facts,
    comparison: { count: comparison.count, blob: await context.resultBlobs.put(comparison.bytes) },
    ...(topK ? { topK: { k: topK.k, blob: await context.resultBlobs.put(topK.bytes) } } : {}),
  };
}

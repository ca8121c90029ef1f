import type { Failure, JobResult } from '@qfleet/shared/result/job-result.ts';
import type { JobRecord } from '../store/records.ts';

/**
 * What a completed `measure` job lacks: the variants none of whose launches gave a timing, with why the first of them
 * did not. Undefined where every variant was timed, and for jobs of other kinds.
 */
export function findShortfall(
  { outcome }: Pick<JobResult, 'outcome'>,
  { spec }: Pick<JobRecord, 'spec'>,
): Failure | undefined {
  if (outcome.kind !== 'measure') return undefined;
  const lacking = (spec.measure?.variants ?? []).flatMap(({ digest, name }) => {
    const launches = outcome.facts.launches.filter(({ variantDigest }) => variantDigest === digest);
    const failure = launches.find((launch) => launch.failure)?.failure;
    return failure && launches.every((launch) => launch.failure) ? [{ name, failure }] : [];
  });
  const [first] = lacking;
  if (!first) return undefined;
  const messages = lacking.map(({ name, failure }) => `${name} was not timed: ${failure.message}`);
  return { ...first.failure, message: messages.join(' ') };
}

import type {
  EvaluateFacts,
  Failure,
  JobResult,
  MeasureFacts,
  ProbeFacts,
} from '@qfleet/shared/result/job-result.ts';
import type { JobRecord, JobSpec } from '../store/records.ts';

const hint = "See the agent's log on the device; it may be older than the coordinator, or broken.";

/**
 * What a completed job lacks of what was asked: variants that were not timed, with why; inputs that were not
 * evaluated, or outputs that nothing was kept of; a probe that read nothing. A result may be formally right and hold
 * nothing: then its job has completed, and its run must not look as if all was well. Undefined where all is there.
 */
export function findShortfall(
  { outcome }: Pick<JobResult, 'outcome'>,
  { spec }: Pick<JobRecord, 'spec'>,
): Failure | undefined {
  if (outcome.kind === 'measure') return untimedVariants(outcome.facts, spec);
  if (outcome.kind === 'evaluate') return missingOutputs(outcome.facts, spec);
  if (outcome.kind === 'probe') return missingReadings(outcome.facts);
  return undefined;
}

function untimedVariants(facts: MeasureFacts, { measure }: JobSpec): Failure | undefined {
  const lacking = (measure?.variants ?? []).flatMap(({ digest, name }) => {
    const launches = facts.launches.filter(({ variantDigest }) => variantDigest === digest);
    if (launches.some(({ failure, timedCount = 0 }) => !failure && timedCount > 0)) return [];
    const failure = launches.find((launch) => launch.failure)?.failure;
    return [{ name, failure: failure ?? untimed(launches.length) }];
  });
  const [first] = lacking;
  if (!first) return undefined;
  const messages = lacking.map(({ name, failure }) => `${name} was not timed: ${failure.message}`);
  return { ...first.failure, message: messages.join(' ') };
}

function untimed(launches: number): Failure {
  const what = launches === 0 ? 'no launch of it' : 'no samples of its launches';
  return { class: 'internal', message: `The result has ${what}.`, hint };
}

function missingOutputs(facts: EvaluateFacts, { evaluate }: JobSpec): Failure | undefined {
  const name = evaluate?.variant?.name ?? 'The variant';
  const asked = evaluate?.inputs?.count ?? 1;
  if (facts.count < asked) {
    return lack(`${name} was evaluated on ${facts.count} of ${asked} inputs.`);
  }
  if (facts.outputs.length === 0) return lack(`${name} was evaluated, and the result has no outputs of it.`);
  return undefined;
}

function missingReadings({ readings }: ProbeFacts): Failure | undefined {
  return readings.length === 0 ? lack('The probe has no readings.') : undefined;
}

function lack(message: string): Failure {
  return { class: 'internal', message, hint };
}

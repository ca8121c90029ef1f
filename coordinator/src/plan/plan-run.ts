import { canonicalJson } from '@qfleet/shared/canonical-json.ts';
import { digestBytes } from '@qfleet/shared/digest.ts';
import { QfleetError } from '@qfleet/shared/errors.ts';
import type { DeviceRecord, JobSpec } from '../store/records.ts';
import type { NewJob } from '../store/store.ts';
import { chooseBackends } from './choose-backends.ts';
import { limitEvaluate, limitMeasure, limitProbe } from './limit-time.ts';
import type { PlanRequest } from './plan-request.ts';
import { isSameMachine } from './same-machine.ts';
import { specEvaluate, specMeasure } from './spec-jobs.ts';

export interface PlannedRun {
  /** In the order in which each device works them off. */
  readonly jobs: NewJob[];
  /** What was left out, and why, one sentence each. */
  readonly notes: string[];
}

/**
 * The jobs of a run, from the plan alone: per machine a probe where there is none of late, then per backend ×
 * scenario × settings a measurement of all variants, then per backend × variant an evaluation. An emulated
 * device is not timed; `noop`, which computes nothing, is not evaluated. Ids follow from what is asked, so the
 * same request gives the same jobs. Throws `failed-precondition` where nothing is left to do.
 */
export function planRun(request: PlanRequest): PlannedRun {
  if (request.devices.length === 0) {
    throw new QfleetError('failed-precondition', 'No agent is connected, so there is nothing to run on.', {
      hint: 'Start one: ./qfleet device add NAME --out DIR, then ./qfleet-agent run --identity DIR',
    });
  }
  const perDevice = request.devices.map((device) => planDevice(request, device));
  const planned = {
    jobs: perDevice.flatMap((each) => each.jobs),
    notes: [...new Set(perDevice.flatMap((each) => each.notes))],
  };
  refuseEmpty(request, planned);
  return planned;
}

interface Draft {
  readonly spec: JobSpec;
  readonly timeLimitMs: number;
}

function planDevice(request: PlanRequest, device: DeviceRecord): PlannedRun {
  if (!device.inventory) {
    const note = `${device.name} was left out: it has never connected, so its backends are not known.`;
    return { jobs: [], notes: [note] };
  }
  const { backends, notes } = chooseBackends(request.plan.backends, device);
  const measures = planMeasures(request, device, backends);
  const evaluations = planEvaluations(request, device, backends);
  const drafts = [...planProbe(request, device), ...measures.drafts, ...evaluations.drafts];
  return {
    jobs: drafts.map((draft, position) => toJob(request, device, draft, position)),
    notes: [...notes, ...measures.notes, ...evaluations.notes],
  };
}

function planProbe(request: PlanRequest, device: DeviceRecord): Draft[] {
  const maxAgeHours = request.plan.probeMaxAgeHours;
  const isFresh = maxAgeHours < 0 || (maxAgeHours > 0 && request.hasRecentProbe(device.id));
  if (isFresh || isProbedByAnother(request, device)) return [];
  return [{ spec: { spec: 'probe', probe: { maxMemoryBytes: 0 } }, timeLimitMs: limitProbe(device) }];
}

/** Agents that see one and the same machine: the first of them probes it for all. */
function isProbedByAnother({ devices }: PlanRequest, device: DeviceRecord): boolean {
  const first = devices.find((other) => isSameMachine(other, device));
  return first !== undefined && first.id !== device.id;
}

function planMeasures(
  request: PlanRequest,
  device: DeviceRecord,
  backends: readonly string[],
): { drafts: Draft[]; notes: string[] } {
  const { plan, variants } = request;
  if (!plan.timing.enabled || backends.length === 0 || variants.length === 0)
    return { drafts: [], notes: [] };
  const emulated = device.inventory?.emulated;
  if (emulated) {
    const note = `${device.name} is not timed: its processor is emulated (${emulated.cpu} by ${emulated.by}), so its latencies mean nothing.`;
    return { drafts: [], notes: [note] };
  }
  const drafts = backends.flatMap((backend) =>
    plan.scenarios.flatMap((scenario) =>
      plan.settings.map((settings) => ({
        spec: specMeasure(request, { deviceId: device.id, backend, scenario, settings }),
        timeLimitMs: limitMeasure(plan, scenario, variants.length),
      })),
    ),
  );
  return { drafts, notes: [] };
}

function planEvaluations(
  request: PlanRequest,
  device: DeviceRecord,
  backends: readonly string[],
): { drafts: Draft[]; notes: string[] } {
  const { dataset, variants, plan, model } = request;
  if (!dataset || !plan.evaluation || dataset.count === 0) return { drafts: [], notes: [] };
  const isEmulated = device.inventory?.emulated !== undefined;
  const limit = isEmulated ? plan.evaluation.emulatedLimit : plan.evaluation.limit;
  const count = limit > 0 ? Math.min(limit, dataset.count) : dataset.count;
  const [settings] = plan.settings;
  const drafts = backends
    .filter((backend) => backend !== 'noop')
    .flatMap((backend) =>
      variants.map((variant) => ({
        spec: specEvaluate(request, {
          backend,
          variant,
          settings,
          dataset,
          count,
          profile: isEmulated && plan.timing.operatorProfile,
          isEmulated,
        }),
        timeLimitMs: limitEvaluate({ model, count, isEmulated }),
      })),
    );
  const notes: string[] = [];
  if (count < dataset.count && drafts.length > 0) {
    const why = isEmulated ? ', for it is emulated and slow' : '';
    notes.push(`${device.name} evaluates the first ${count} of ${dataset.count} inputs${why}.`);
  }
  if (backends.includes('noop')) notes.push('noop is not evaluated: it computes nothing.');
  return { drafts, notes };
}

/** The id says what is asked of whom in which run, so that a job cannot be in a run twice. */
function toJob(request: PlanRequest, device: DeviceRecord, draft: Draft, position: number): NewJob {
  const key = { runId: request.runId, deviceId: device.id, position, spec: draft.spec };
  const id = `job_${digestBytes(canonicalJson(key)).slice(0, 24)}`;
  return { id, deviceId: device.id, position, spec: draft.spec, timeLimitMs: draft.timeLimitMs };
}

/** A plan that asks for measurements or evaluations and gets only probes has come to nothing too. */
function refuseEmpty(request: PlanRequest, planned: PlannedRun): void {
  const wantsVariants = request.plan.timing.enabled || request.plan.evaluation !== undefined;
  if (wantsVariants && request.variants.length === 0) {
    throw new QfleetError('failed-precondition', `The model ${request.model.name} has no variants to run.`, {
      hint: `Make some: ./qfleet quantize ${request.model.name} --calibration DATA --recipe int8-per-channel`,
    });
  }
  const isEnough = planned.jobs.some((job) => !wantsVariants || job.spec.spec !== 'probe');
  if (isEnough) return;
  const why = planned.notes.length > 0 ? ` ${planned.notes.join(' ')}` : '';
  throw new QfleetError('failed-precondition', `The plan leaves nothing to do.${why}`, {
    hint: 'See what each device offers with ./qfleet device show NAME; then change the devices, backends or limits of the plan.',
  });
}

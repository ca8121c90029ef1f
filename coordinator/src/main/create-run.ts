import { QfleetError } from '@qfleet/shared/errors.ts';
import { findReferenceVariant } from '../analysis/find-reference-variant.ts';
import { type Dataset, exposedRecipe, type Model, type Variant } from '../artefacts/artefacts.ts';
import { labelsFit } from '../artefacts/labels-fit.ts';
import { type PreparedDataset, prepareDataset } from '../artefacts/prepare-dataset.ts';
import type { BlobStore } from '../blobs/blob-store.ts';
import type { EventBus } from '../fleet/event-bus.ts';
import type { Fleet } from '../fleet/start-fleet.ts';
import { expandPlan } from '../plan/expand-plan.ts';
import type { Plan } from '../plan/plan.ts';
import { planRun } from '../plan/plan-run.ts';
import type { DeviceRecord, RunRecord } from '../store/records.ts';
import type { Store } from '../store/store.ts';
import { chooseDevices } from './choose-devices.ts';
import { createId } from './create-id.ts';
import { findDataset, findModel, pickVariant } from './find-by-name.ts';
import { refuseOverlap } from './refuse-overlap.ts';

export interface RunOrder {
  readonly plan: Plan;
  readonly store: Store;
  readonly blobs: BlobStore;
  readonly events: EventBus;
  readonly fleet: Pick<Fleet, 'connectedDeviceIds' | 'wake'>;
  readonly signal: AbortSignal;
}

/**
 * Turns a plan into a stored run and wakes the fleet: names become things, the dataset is prepared for the model's
 * input, an overlap with calibration inputs is refused, then the jobs follow from the plan alone. Throws `not-found`
 * with the nearest names, `failed-precondition` where no agent is connected, `refused`, `shape-mismatch`.
 */
export async function createRun(order: RunOrder): Promise<RunRecord> {
  const { store, events, fleet } = order;
  const model = await findModel(store, order.plan.model);
  const variants = await chooseVariants(order.plan, model, store);
  const known = await store.listVariants(model.digest);
  const plan = expandPlan(order.plan, { model, reference: findReferenceVariant(model, known) });
  const chosen = await chooseDevices(plan.devices, store, new Set(fleet.connectedDeviceIds()));
  const evaluation = await prepareEvaluation(order, model, variants);
  const id = createId('run');
  const planned = planRun({
    runId: id,
    plan,
    model,
    variants,
    companions: await findCompanions(plan, known, store),
    devices: chosen.devices,
    dataset: evaluation?.prepared,
    hasRecentProbe: await findRecentProbes(order, chosen.devices),
  });
  const run = await store.createRun({
    id,
    record: {
      name: plan.name,
      plan,
      modelDigest: model.digest,
      variantDigests: variants.map(({ digest }) => digest),
      deviceIds: chosen.devices.map((device) => device.id),
      datasetDigest: evaluation?.prepared.digest,
      notes: [...chosen.notes, ...(evaluation?.notes ?? []), ...planned.notes],
    },
    jobs: planned.jobs,
  });
  await events.append({ subject: `run:${id}`, kind: 'run.created', data: { jobs: planned.jobs.length } });
  fleet.wake();
  return run;
}

/** Tells of a device whether its last probe is younger than the plan asks. */
async function findRecentProbes(
  { plan, store }: RunOrder,
  devices: readonly DeviceRecord[],
): Promise<(deviceId: string) => boolean> {
  const oldestMs = Date.now() - plan.probeMaxAgeHours * 3_600_000;
  const probes = await store.latestProbes(devices.map(({ id }) => id));
  const recent = new Set(
    probes.filter(({ receivedAtMs }) => receivedAtMs >= oldestMs).map(({ deviceId }) => deviceId),
  );
  return (deviceId) => recent.has(deviceId);
}

async function chooseVariants(plan: Plan, model: Model, store: Store): Promise<Variant[]> {
  const variants = await store.listVariants(model.digest);
  if (plan.variants === 'all') return variants.filter(({ record }) => record.recipe !== exposedRecipe);
  const chosen = plan.variants.map((name) => pickVariant(variants, name));
  return [...new Map(chosen.map((variant) => [variant.digest, variant])).values()];
}

/** A companion is a variant of the run's model, else another model: then its own file serves. */
async function findCompanions(plan: Plan, known: readonly Variant[], store: Store): Promise<Variant[]> {
  const found: Variant[] = [];
  for (const name of plan.companions) {
    const own = known.find((variant) => variant.name === name || variant.digest === name);
    found.push(own ?? (await findReferenceOf(await findModel(store, name), store)));
  }
  return found;
}

async function findReferenceOf(model: Model, store: Store): Promise<Variant> {
  const reference = findReferenceVariant(model, await store.listVariants(model.digest));
  if (reference) return reference;
  throw new QfleetError(
    'failed-precondition',
    `The companion ${model.name} has no float32 variant to serve.`,
    {
      hint: `Make one: ./qfleet quantize ${model.name} --recipe fp32`,
    },
  );
}

async function prepareEvaluation(
  { plan, store, blobs, signal }: RunOrder,
  model: Model,
  variants: readonly Variant[],
): Promise<{ readonly prepared: PreparedDataset; readonly notes: string[] } | undefined> {
  if (!plan.evaluation) return undefined;
  const dataset = await findDataset(store, plan.evaluation.dataset);
  const { limit, allowOverlap } = plan.evaluation;
  const modelInput = model.inputs.find(({ name }) => name === model.contract.inputName);
  const prepared = await prepareDataset({
    dataset,
    split: 'evaluation',
    contract: model.contract,
    ...(modelInput ? { modelInput } : {}),
    limit,
    blobs,
    store,
    signal,
  });
  const itemDigests = prepared.itemDigests;
  const overlap = await refuseOverlap({ variants, itemDigests, isAllowed: allowOverlap, blobs });
  return { prepared, notes: [...overlap, ...noteLabels(dataset, model)] };
}

function noteLabels(dataset: Dataset, model: Model): string[] {
  const fit = labelsFit(dataset, model.outputs);
  return fit.fits
    ? []
    : [`Accuracy will be unavailable: ${fit.reason}; answers are compared with those of fp32.`];
}

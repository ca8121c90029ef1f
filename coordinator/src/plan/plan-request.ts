import type { Model, Shard, Variant } from '../artefacts/artefacts.ts';
import type { DeviceRecord } from '../store/records.ts';
import type { ExpandedPlan } from './expand-plan.ts';

/** The items that a plan evaluates on, in the model's size: one split, or the beginning of one. */
export interface PlannedInputs {
  /** Of the prepared dataset. */
  readonly digest: string;
  readonly item: { readonly elementType: string; readonly shape: readonly number[] };
  readonly shards: readonly Shard[];
  /** Items in all shards together. */
  readonly count: number;
}

/** Names resolved, datasets prepared: what the jobs follow from. */
export interface PlanRequest {
  readonly plan: ExpandedPlan;
  readonly model: Model;
  readonly variants: readonly Variant[];
  /** Those that serve beside the timed one, by the plan's names. */
  readonly companions: readonly Variant[];
  readonly devices: readonly DeviceRecord[];
  /** Absent: nothing is evaluated, and the timed inputs are random. */
  readonly dataset?: PlannedInputs | undefined;
  /** Whether a device's last probe is younger than the plan's `probeMaxAgeHours`. */
  readonly hasRecentProbe: (deviceId: string) => boolean;
  readonly runId: string;
}

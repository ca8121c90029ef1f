import type { Model, Variant } from '../artefacts/artefacts.ts';
import type { Plan } from './plan.ts';
import { resolveTiming, type Timing } from './resolve-timing.ts';
import { completeScenario, type Scenario } from './scenario.ts';

/** A plan in which everything is said: its preset is spelled out, scenarios and timing have their parameters. */
export interface ExpandedPlan extends Plan {
  readonly scenarios: Scenario[];
  readonly timing: Timing;
}

/** What one batch of the preset `batch` holds, where the model takes batches. */
const presetBatch = 8;

/**
 * Spells a plan out; what is stored with a run. The presets, each only where the plan says nothing itself:
 * `camera`: frames at a fixed rate, 30 a second, dropped ones counted. `gateway`: requests at random moments (the
 * scenario `server`), while one other process computes and the reference variant serves beside. `batch`: all samples
 * at once (`offline`), eight to an inference where the model's batch dimension is free. Expanding twice changes nothing.
 */
export function expandPlan(
  plan: Plan,
  found: { readonly model: Pick<Model, 'inputs'>; readonly reference: Pick<Variant, 'name'> | undefined },
): ExpandedPlan {
  const offered = plan.scenarios.length > 0 ? plan : applyPreset(plan, found);
  return {
    ...offered,
    scenarios: offered.scenarios.map((scenario) => completeScenario(scenario, plan.timing.profile)),
    timing: resolveTiming(offered.timing),
  };
}

function applyPreset(plan: Plan, { model, reference }: Parameters<typeof expandPlan>[1]): Plan {
  switch (plan.preset) {
    case undefined:
      return { ...plan, scenarios: ['single-stream'] };
    case 'camera':
      return { ...plan, scenarios: ['fixed-rate'] };
    case 'gateway': {
      const beside = reference ? [reference.name] : [];
      return {
        ...plan,
        scenarios: ['server'],
        companions: plan.companions.length > 0 ? plan.companions : beside,
        backgroundProcesses: plan.backgroundProcesses || 1,
      };
    }
    case 'batch': {
      const batch = hasFreeBatch(model) ? presetBatch : 1;
      const settings = plan.settings.map((one) => (one.batch === 1 ? { ...one, batch } : one));
      return { ...plan, scenarios: ['offline'], settings };
    }
  }
}

/** Whether every input's first dimension may be any number. */
function hasFreeBatch({ inputs }: Pick<Model, 'inputs'>): boolean {
  return inputs.length > 0 && inputs.every(({ shape }) => typeof shape[0] === 'string');
}

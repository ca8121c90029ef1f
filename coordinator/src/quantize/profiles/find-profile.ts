import type { VariantRecord } from '../../artefacts/artefacts.ts';
import type { Recipe } from '../recipes/recipe.ts';
import type { BackendProfile, FormatRule } from './backend-profile.ts';
import { profile as onnxruntimeCpuArm } from './onnxruntime-cpu-arm.ts';
import { profile as onnxruntimeCpuX64 } from './onnxruntime-cpu-x64.ts';
import { profile as tensorrt } from './tensorrt.ts';
import { profile as tensorrtJetsonNano } from './tensorrt-jetson-nano.ts';

/** Every target, one file each. */
const profiles: readonly BackendProfile[] = [
  onnxruntimeCpuX64,
  onnxruntimeCpuArm,
  tensorrt,
  tensorrtJetsonNano,
];

export const profileIds = profiles.map(({ id }) => id);

/** The profile of an id that `recipeSchema` has accepted. */
export function findProfile(id: string): BackendProfile {
  return profiles.find((profile) => profile.id === id)!;
}

/** What the profiles say of a recipe's number format, target by target: a prediction, which running it may refute. */
export function judgeTargets(recipe: Recipe): NonNullable<VariantRecord['targets']> {
  return Object.fromEntries(
    profiles.map(({ id, formats }) => {
      const rule = formats.find((candidate) => fits(candidate, recipe));
      return [
        id,
        { verdict: rule?.verdict ?? 'refused', why: rule?.why ?? 'nothing is known of this format' },
      ];
    }),
  );
}

function fits(rule: FormatRule, recipe: Recipe): boolean {
  if (rule.scheme !== undefined && rule.scheme !== recipe.scheme) return false;
  if (recipe.scheme !== 'static') return rule.scheme !== undefined;
  const { activations, weights } = recipe;
  return (
    (rule.activations?.includes(activations.elementType) ?? true) &&
    (rule.weights?.includes(weights.elementType) ?? true) &&
    (rule.symmetric ?? activations.symmetric) === activations.symmetric
  );
}

import { QfleetError } from '@qfleet/shared/errors.ts';
import { suggestNames } from '../../main/suggest-names.ts';
import { recipe as fp32 } from './fp32.ts';
import { recipe as int8PerChannel } from './int8-per-channel.ts';
import { recipe as int8PerTensor } from './int8-per-tensor.ts';
import type { Recipe } from './recipe.ts';

/** Every recipe, one file each, in the order that people see them. */
export const recipes: readonly Recipe[] = [fp32, int8PerTensor, int8PerChannel];

/** The recipe of an id; throws `not-found` with the nearest or all that there are. */
export function findRecipe(id: string): Recipe {
  const found = recipes.find((recipe) => recipe.id === id);
  if (found) return found;
  const ids = recipes.map((recipe) => recipe.id);
  const nearest = suggestNames(id, ids);
  throw new QfleetError('not-found', `There is no recipe "${id}".`, {
    hint: nearest.length > 0 ? `Did you mean ${nearest.join(' or ')}?` : `Choose of ${ids.join(', ')}.`,
  });
}

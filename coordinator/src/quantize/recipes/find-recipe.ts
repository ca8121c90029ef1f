import { QfleetError } from '@qfleet/shared/errors.ts';
import { suggestNames } from '../../main/suggest-names.ts';
import { recipe as fp16 } from './fp16.ts';
import { recipe as fp32 } from './fp32.ts';
import { recipe as int4Wo } from './int4-wo.ts';
import { recipe as int8A16w8 } from './int8-a16w8.ts';
import { recipe as int8Dyn } from './int8-dyn.ts';
import { recipe as int8Equalized } from './int8-equalized.ts';
import { recipe as int8MinMax } from './int8-min-max.ts';
import { recipe as int8Mixed } from './int8-mixed.ts';
import { recipe as int8PerChannel } from './int8-per-channel.ts';
import { recipe as int8PerTensor } from './int8-per-tensor.ts';
import { recipe as int8S8s8Sym } from './int8-s8s8-sym.ts';
import { recipe as int8U8s8PcRr } from './int8-u8s8-pc-rr.ts';
import { recipe as int8U8u8 } from './int8-u8u8.ts';
import type { Recipe } from './recipe.ts';

/** Every named recipe, one file each, in the order that people see them. */
export const recipes: readonly Recipe[] = [
  fp32,
  fp16,
  int8PerTensor,
  int8MinMax,
  int8PerChannel,
  int8Equalized,
  int8U8s8PcRr,
  int8U8u8,
  int8S8s8Sym,
  int8A16w8,
  int8Mixed,
  int8Dyn,
  int4Wo,
];

/** Names in the field's shorthand, activations and weights by sign and width, that mean a recipe with a plain name. */
const synonyms: Readonly<Record<string, string>> = {
  'int8-u8s8-pc': 'int8-per-channel',
  'int8-u8s8-pt': 'int8-per-tensor',
};

/** The recipe of an id; throws `not-found` with the nearest or all that there are. */
export function findRecipe(id: string): Recipe {
  const found = recipes.find((recipe) => recipe.id === (synonyms[id] ?? id));
  if (found) return found;
  const ids = recipes.map((recipe) => recipe.id);
  const nearest = suggestNames(id, ids);
  throw new QfleetError('not-found', `There is no recipe "${id}".`, {
    hint:
      nearest.length > 0 ? `Did you mean ${nearest.join(' or ')}?` : `Choose of ${ids.join(', ')}, or all.`,
  });
}

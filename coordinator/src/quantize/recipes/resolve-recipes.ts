import { findRecipe, recipes } from './find-recipe.ts';
import type { Recipe } from './recipe.ts';

/** Recipes by name, `all` for every named one, or written out; each id once. Throws `not-found`. */
export function resolveRecipes(orders: readonly (string | Recipe)[]): Recipe[] {
  const found = orders.flatMap((order) => {
    if (typeof order !== 'string') return [order];
    return order === 'all' ? recipes : [findRecipe(order)];
  });
  return [...new Map(found.map((recipe) => [recipe.id, recipe])).values()];
}

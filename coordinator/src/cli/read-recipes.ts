import { composeRecipes } from '../quantize/recipes/compose-recipe.ts';
import type { Recipe } from '../quantize/recipes/recipe.ts';
import { resolveRecipes } from '../quantize/recipes/resolve-recipes.ts';
import type { CliContext } from './cli-context.ts';
import { readYaml } from './read-yaml.ts';

/** What `--recipe` names: recipes by name, and YAML or JSON files of recipes. Throws `not-found`, `usage`. */
export async function readRecipes(
  context: Pick<CliContext, 'cwd'>,
  names: readonly string[],
): Promise<(string | Recipe)[]> {
  const found: (string | Recipe)[] = [];
  for (const name of names) {
    if (/\.(ya?ml|json)$/.test(name)) found.push(...composeRecipes(await readYaml(context, name), name));
    else found.push(name);
  }
  resolveRecipes(found);
  return found;
}

import { QfleetError } from '@qfleet/shared/errors.ts';
import * as z from 'zod';
import { findRecipe } from './find-recipe.ts';
import { type Recipe, recipeSchema } from './recipe.ts';

/** A file of recipes: each complete, or what differs from a `base`, a named one or one above it. */
const recipeFileSchema = z.strictObject({
  recipes: z.array(z.looseObject({ id: z.string(), base: z.string().optional() })).min(1),
});

/** The recipes that a parsed YAML or JSON document describes. Throws `usage` with the place that is wrong. */
export function composeRecipes(document: unknown, file: string): Recipe[] {
  const parsed = recipeFileSchema.safeParse(document);
  if (!parsed.success) throw malformed(file, parsed.error);
  const made: Recipe[] = [];
  for (const { base, ...own } of parsed.data.recipes) {
    const start = base === undefined ? {} : (made.find(({ id }) => id === base) ?? findRecipe(base));
    const { description: _, ...inherited } = start as Partial<Recipe>;
    const recipe = recipeSchema.safeParse(merge(inherited, own));
    if (!recipe.success) throw malformed(`${file}, recipe "${own.id}"`, recipe.error);
    if (made.some(({ id }) => id === recipe.data.id))
      throw new QfleetError('usage', `${file} has two recipes "${recipe.data.id}".`, {
        hint: 'Give each an id of its own: it becomes the name of a variant.',
      });
    made.push(recipe.data);
  }
  return made;
}

/** Objects are merged key by key, everything else is taken over; another observer replaces the whole. */
function merge(base: object, own: object): object {
  const merged: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(own)) {
    const before = merged[key];
    const isMerged = isObject(before) && isObject(value) && key !== 'observer';
    merged[key] = isMerged ? merge(before, value) : value;
  }
  return merged;
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function malformed(what: string, error: z.ZodError): QfleetError {
  const places = error.issues.map(({ path, message }) => `${path.join('.') || 'document'}: ${message}`);
  return new QfleetError('usage', `${what} is no recipe: ${places.slice(0, 3).join('; ')}`, {
    hint: 'See a complete one with: ./qfleet recipe show int8-per-channel',
  });
}

import { defineRecipe } from './recipe.ts';

/** What other quantizers do by default: the quickest to make. */
export const recipe = defineRecipe({
  id: 'int8-min-max',
  description: 'static int8, uint8 activations, one scale per output channel, min-max, nothing corrected',
  scheme: 'static',
});

import { defineRecipe } from './recipe.ts';

/** The simplest static int8. Often loses accuracy with depthwise convolutions. */
export const recipe = defineRecipe({
  id: 'int8-per-tensor',
  description: 'static int8, uint8 activations, one scale per weight tensor, min-max',
  scheme: 'static',
  weights: { granularity: 'per-tensor' },
});

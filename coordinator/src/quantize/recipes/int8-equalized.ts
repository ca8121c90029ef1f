import { defineRecipe } from './recipe.ts';

/** What data-free quantization does for one scale per tensor: weights equalized across layers, biases corrected. */
export const recipe = defineRecipe({
  id: 'int8-equalized',
  description: 'as int8-per-tensor, with weights equalized across layers and biases corrected',
  scheme: 'static',
  weights: { granularity: 'per-tensor' },
  equalize: true,
  correctBias: true,
});

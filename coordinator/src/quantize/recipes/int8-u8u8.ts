import { defineRecipe } from './recipe.ts';

/** The control for saturation: the same numbers as int8-per-channel, shifted. */
export const recipe = defineRecipe({
  id: 'int8-u8u8',
  description: 'as int8-per-channel with uint8 weights, which cannot saturate either',
  scheme: 'static',
  weights: { elementType: 'uint8' },
  observer: { method: 'search' },
  correctBias: true,
});

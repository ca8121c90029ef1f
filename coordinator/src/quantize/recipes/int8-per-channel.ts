import { defineRecipe } from './recipe.ts';

/** The portable default: fused on x64 and Arm alike, with the ranges that serve this model best. */
export const recipe = defineRecipe({
  id: 'int8-per-channel',
  description:
    'static int8, uint8 activations, one scale per output channel, best observer, biases corrected',
  scheme: 'static',
  observer: { method: 'search' },
  correctBias: true,
});

import { defineRecipe } from './recipe.ts';

export const recipe = defineRecipe({
  id: 'int8-a16w8',
  description: 'uint16 activations, int8 weights, for NPUs; computed in float on ONNX Runtime’s CPU',
  scheme: 'static',
  activations: { elementType: 'uint16' },
  observer: { method: 'search' },
  correctBias: true,
});

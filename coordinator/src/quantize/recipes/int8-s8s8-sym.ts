import { defineRecipe } from './recipe.ts';

export const recipe = defineRecipe({
  id: 'int8-s8s8-sym',
  description: 'symmetric int8 activations and weights with float biases, for TensorRT and NPUs',
  scheme: 'static',
  profile: 'tensorrt',
  activations: { elementType: 'int8', symmetric: true },
  observer: { method: 'search' },
  correctBias: true,
});

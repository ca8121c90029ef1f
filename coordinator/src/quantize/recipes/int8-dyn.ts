import { defineRecipe } from './recipe.ts';

export const recipe = defineRecipe({
  id: 'int8-dyn',
  description:
    'int8 weights of MatMul, Gemm and LSTM, activations quantized in each inference; no calibration',
  scheme: 'dynamic',
});

import { defineRecipe } from './recipe.ts';

export const recipe = defineRecipe({
  id: 'int4-wo',
  description: 'int4 weights of MatMul and Gemm in blocks of 32, everything else float; no calibration',
  scheme: 'weight-only',
});

import { defineRecipe } from './recipe.ts';

export const recipe = defineRecipe({
  id: 'int8-u8s8-pc-rr',
  description: 'as int8-per-channel with 7-bit weights, which cannot saturate on x86 without VNNI',
  scheme: 'static',
  weights: { bits: 7 },
  observer: { method: 'search' },
  correctBias: true,
});

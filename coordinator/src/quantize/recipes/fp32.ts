import { defineRecipe } from './recipe.ts';

export const recipe = defineRecipe({
  id: 'fp32',
  description: 'float32, BatchNorm folded: the baseline',
  scheme: 'float32',
});

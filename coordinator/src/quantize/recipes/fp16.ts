import { defineRecipe } from './recipe.ts';

export const recipe = defineRecipe({
  id: 'fp16',
  description: 'float16 weights and operators: half the size; faster on GPUs and from ARMv8.2 on',
  scheme: 'float16',
});

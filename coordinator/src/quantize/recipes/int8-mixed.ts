import { defineRecipe } from './recipe.ts';

export const recipe = defineRecipe({
  id: 'int8-mixed',
  description:
    'as int8-per-channel, the most sensitive operators kept float until 0.5 points of answers change at most, within half the float size',
  scheme: 'static',
  goal: { maxFlipsPoints: 0.5 },
  observer: { method: 'search' },
  correctBias: true,
});

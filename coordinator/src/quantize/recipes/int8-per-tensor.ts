import { quantizeQdq } from '../quantize-qdq.ts';
import type { Recipe } from './recipe.ts';

/** The simplest static int8: one scale for all of a weight. Often loses accuracy with depthwise convolutions. */
export const recipe: Recipe = {
  id: 'int8-per-tensor',
  description: 'static int8, uint8 activations, one scale per weight tensor, min-max',
  format: 'uint8/int8',
  granularity: 'per-tensor',
  needsCalibration: true,
  apply: ({ folded, types, ranges }) => quantizeQdq(folded, types, ranges, { granularity: 'per-tensor' }),
};

import { quantizeQdq } from '../quantize-qdq.ts';
import type { Recipe } from './recipe.ts';

/** The portable default: one weight scale per output channel, fused on x64 and ARM alike. */
export const recipe: Recipe = {
  id: 'int8-per-channel',
  description: 'static int8, uint8 activations, one scale per output channel, min-max',
  format: 'uint8/int8',
  granularity: 'per-channel',
  needsCalibration: true,
  apply: ({ folded, types, ranges }) => quantizeQdq(folded, types, ranges, { granularity: 'per-channel' }),
};

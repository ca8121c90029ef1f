import { listFloatOperators } from '../count-operators.ts';
import { refuseQuantized } from '../quantize-qdq.ts';
import type { Recipe } from './recipe.ts';

/** The baseline that quantized variants are compared with: the model with BatchNorm and constants folded. */
export const recipe: Recipe = {
  id: 'fp32',
  description: 'float32, BatchNorm folded: the baseline',
  format: 'float32',
  granularity: 'none',
  needsCalibration: false,
  apply({ folded, types }) {
    refuseQuantized(folded);
    return {
      model: folded,
      quantizedOperators: {},
      floatOperators: listFloatOperators(folded.graph!, types),
      notes: [],
    };
  },
};

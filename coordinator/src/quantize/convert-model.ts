import type { ConvertedModel } from './converted-model.ts';
import { quantizeDynamic } from './dynamic/quantize-dynamic.ts';
import { convertToFloat16 } from './float16/convert-to-float16.ts';
import { findOverflows, largestFloat16 } from './float16/find-overflows.ts';
import type { Recipe } from './recipes/recipe.ts';
import { convertStatic, type StaticConversion } from './static/convert-static.ts';
import { listFloatOperators } from './static/count-operators.ts';
import { quantizeWeightsInt4 } from './weight-only/quantize-weights-int4.ts';
import type { Workbench } from './workbench.ts';

/** Applies a recipe. Throws `refused` with the reason where model, data or recipe do not fit. */
export async function convertModel(
  recipe: Recipe,
  bench: Workbench,
): Promise<ConvertedModel & Partial<StaticConversion>> {
  const { model, types } = bench.folded;
  switch (recipe.scheme) {
    case 'float32':
      return {
        model,
        quantizedOperators: {},
        floatOperators: listFloatOperators(model.graph!, types),
        notes: [],
      };
    case 'float16':
      return await convertFloat16(bench);
    case 'static':
      return await convertStatic(recipe, bench);
    case 'dynamic': {
      const { bits, granularity } = recipe.weights;
      return quantizeDynamic(model, types, { granularity, reduceRange: bits === 7 });
    }
    case 'weight-only': {
      const { blockSize, symmetric, accuracyLevel } = recipe;
      const symmetry = symmetric ? 'symmetric' : 'asymmetric';
      return quantizeWeightsInt4(model, types, { blockSize, symmetry, accuracyLevel });
    }
  }
}

async function convertFloat16(bench: Workbench): Promise<ConvertedModel> {
  const { model, types } = bench.folded;
  const overflows = await findOverflows(bench);
  const made = convertToFloat16(model, types, overflows);
  const unknown = `Whether activations stay within float16 (±${largestFloat16}) is not known: no calibration inputs.`;
  return overflows ? made : { ...made, notes: [...made.notes, unknown] };
}

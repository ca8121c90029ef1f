import type { Recipe } from '../recipes/recipe.ts';

/** Below this the outputs have little to do with the model's: noise of a third of the signal's amplitude. */
export const leastOutputSqnrDb = 10;
/** A file that should be a half or a quarter of the size and is larger than this share of it has kept its weights. */
const leastShrinking = 0.95;

export interface JudgedVariant {
  readonly recipe: Pick<Recipe, 'scheme'>;
  readonly sizeBytes: number;
  /** Of the folded float32 model. */
  readonly floatSizeBytes: number;
  /** Against the model, dB; undefined where there is none, or where the model does not repeat itself. */
  readonly sqnrDb: number | undefined;
}

/** What speaks against using a variant, one sentence each; equal for all variants of which it is true. */
export function warnOfVariant({ recipe, sizeBytes, floatSizeBytes, sqnrDb }: JudgedVariant): string[] {
  const answers =
    sqnrDb !== undefined && sqnrDb < leastOutputSqnrDb
      ? [`The outputs are nothing like the model's: output SQNR under ${leastOutputSqnrDb} dB.`]
      : [];
  if (recipe.scheme === 'float32' || sizeBytes < leastShrinking * floatSizeBytes) return answers;
  return [
    ...answers,
    sizeBytes > floatSizeBytes
      ? "The file is larger than the float32 model's."
      : "The file is hardly smaller than the float32 model's: most weights stayed float32.",
  ];
}

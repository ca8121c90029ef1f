import type { Model, Variant } from '../artefacts/artefacts.ts';

/**
 * The variant that the others are compared with: the model's own file, else the one of recipe `fp32`, else the
 * first that was not quantized. Undefined where the run has none.
 */
export function findReferenceVariant(model: Model, variants: readonly Variant[]): Variant | undefined {
  return (
    variants.find((variant) => variant.digest === model.digest) ??
    variants.find((variant) => variant.record.recipe === 'fp32') ??
    variants.find(
      (variant) => variant.record.granularity === 'none' && variant.record.format.startsWith('float32'),
    )
  );
}

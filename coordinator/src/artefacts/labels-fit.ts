import type { Dataset, TensorInfo } from './artefacts.ts';

/** Whether accuracy can be computed; otherwise why not, as a reading's reason gives it. */
export type LabelsFit = { readonly fits: true } | { readonly fits: false; readonly reason: string };

/**
 * Whether a dataset's labels are classes of the model: as many classes as the last dimension of the first
 * output is wide. Labels that happen to lie below that width would give a number, and a wrong one.
 */
export function labelsFit(
  dataset: Pick<Dataset, 'classes'>,
  outputs: readonly Pick<TensorInfo, 'shape'>[],
): LabelsFit {
  if (!dataset.classes) return { fits: false, reason: 'no-labels' };
  const classes = dataset.classes.count;
  const width = outputs[0]?.shape.at(-1);
  if (width === classes) return { fits: true };
  const got =
    typeof width === 'number' ? `model has ${width} outputs` : 'model has no fixed number of outputs';
  return {
    fits: false,
    reason: `labels-do-not-fit: dataset has ${classes} ${classes === 1 ? 'class' : 'classes'}, ${got}`,
  };
}

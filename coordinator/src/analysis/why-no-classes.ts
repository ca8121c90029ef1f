import type { EvaluateFacts } from '@qfleet/shared/result/job-result.ts';
import { labelsFit } from '../artefacts/labels-fit.ts';
import type { RunEvidence } from './evidence.ts';

/**
 * Why the largest value of a network's output is no answer, as a reason, or undefined where it is one: the network has a
 * single float output of shape [1, classes] (or [1, classes, 1, 1]) with two classes at least, and either the dataset
 * has a label for each of them or images go in. Of boxes, anchors, masks, states and embeddings an argmax would give a
 * number, and one that says nothing.
 */
export function whyNoClasses(
  outputs: EvaluateFacts['outputs'],
  { model, dataset }: Pick<RunEvidence, 'model' | 'dataset'>,
): string | undefined {
  const [output, ...others] = outputs;
  const because = (why: string): string => `no-class-output: not a classifier, ${why}`;
  if (!output) return because('since no output was reported');
  if (others.length > 0) return because(`since it has ${outputs.length} outputs`);
  const shape = `${output.elementType} [${output.shape.join(', ')}]`;
  const classes = classesOf(output.shape);
  if (classes === undefined || !output.elementType.startsWith('float')) {
    return because(`since its output is ${shape} and not float [1, classes]`);
  }
  const isLabelled = dataset !== undefined && labelsFit(dataset, [{ shape: [classes] }]).fits;
  if (isLabelled || model.contract.channels !== '') return undefined;
  return because(`for all that is known: no labels fit its output ${shape}, and no images go in`);
}

/** Of [classes], [1, classes] and [1, classes, 1, 1]; undefined for other shapes and for a single value. */
function classesOf(shape: readonly number[]): number | undefined {
  const [first, ...rest] = shape;
  const isVector = rest.length === 0 || (first === 1 && (rest.length === 1 || isPooled(rest)));
  const classes = rest[0] ?? first ?? 0;
  return isVector && classes >= 2 ? classes : undefined;
}

function isPooled([, height, width, ...others]: readonly number[]): boolean {
  return height === 1 && width === 1 && others.length === 0;
}

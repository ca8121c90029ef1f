import type { ModelProto, NodeProto } from '../../gen/onnx/onnx_pb.js';
import type { VariantRecord } from './artefacts.ts';
import { type Constants, findConstants } from './describe-constants.ts';
import { type FlatModel, flattenModel } from './describe-nodes.ts';
import { writeNotes } from './describe-notes.ts';
import { listOperands, type Operand } from './describe-operands.ts';
import { classifyNodes, findClips, type OperatorKind } from './describe-steps.ts';

export type FormatDescription = Pick<
  VariantRecord,
  'format' | 'granularity' | 'quantizedOperators' | 'floatOperators' | 'notes'
> &
  Required<Pick<VariantRecord, 'symmetry' | 'placement' | 'folding'>>;

/**
 * The five axes of an ONNX file by whoever made it, read from its nodes, so a description of the file, not of
 * the kernels that will run:
 * - `format`, `activations/weights` (`uint8/int8`, `float32/int4` where only the weights are integers), the
 *   most frequent types; one type where nothing is quantized.
 * - `granularity` of the weights, the finest of them.
 * - `symmetry`, `activations/weights`: symmetric where every zero point is the middle of its type's range.
 * - `placement`, that of most operators.
 * - `folding`: what a converter folds away and the file still has.
 *
 * Constants that are merely added or scaled with count as weights only where no others are quantized.
 */
export function describeFormat(model: ModelProto): FormatDescription {
  const flat = flattenModel(model);
  const constants = findConstants(flat);
  const kinds = classifyNodes(flat, constants);
  const operands = listOperands(flat, constants);
  const activations = operands.filter(({ role }) => role === 'activation');
  const weights = chooseWeights(operands);
  const placement = choosePlacement(kinds, { activations, weights });
  const clips = findClips(flat, kinds);
  return {
    format: nameFormat({ activations, weights }, constants, flat),
    granularity: finest(weights),
    symmetry: nameSymmetry({ activations, weights }),
    placement,
    folding: {
      batchNorms: flat.nodes.filter(({ opType }) => opType === 'BatchNormalization').length,
      clips: clips.floats + clips.integers,
    },
    ...countOperators(kinds),
    notes: writeNotes({
      nodes: flat.nodes,
      constants,
      activations,
      weights,
      placement,
      integerClips: clips.integers,
    }),
  };
}

interface Quantized {
  readonly activations: readonly Operand[];
  readonly weights: readonly Operand[];
}

function chooseWeights(operands: readonly Operand[]): readonly Operand[] {
  const weights = operands.filter(({ role }) => role === 'weight');
  const multiplied = weights.filter(({ isMultiplied }) => isMultiplied);
  return multiplied.length > 0 ? multiplied : weights;
}

function nameFormat({ activations, weights }: Quantized, constants: Constants, model: FlatModel): string {
  if (activations.length + weights.length === 0) return floatType(constants, model);
  const before = mostFrequent(weights, ({ floatType }) => floatType) ?? 'float32';
  const type = ({ elementType }: Operand): string => elementType;
  return `${mostFrequent(activations, type) ?? before}/${mostFrequent(weights, type) ?? 'float32'}`;
}

/** The type of most of the numbers in a model of floats; of its first float input where it has none. */
function floatType(constants: Constants, model: FlatModel): string {
  const isFloat = (elementType: string): boolean => /float/.test(elementType);
  const floats = [...constants.values()].filter(({ elementType }) => isFloat(elementType));
  const weighed = mostFrequent(
    floats,
    ({ elementType }) => elementType,
    ({ count }) => count,
  );
  return weighed ?? [...model.inputTypes.values()].find(isFloat) ?? 'float32';
}

function finest(weights: readonly Operand[]): FormatDescription['granularity'] {
  const order = ['per-block', 'per-channel', 'per-tensor'] as const;
  return order.find((each) => weights.some(({ granularity }) => granularity === each)) ?? 'none';
}

function nameSymmetry({ activations, weights }: Quantized): string {
  if (activations.length + weights.length === 0) return 'none';
  const name = (operands: readonly Operand[]): string => {
    if (operands.length === 0) return 'none';
    return operands.every(({ isSymmetric }) => isSymmetric) ? 'symmetric' : 'asymmetric';
  };
  return `${name(activations)}/${name(weights)}`;
}

function choosePlacement(
  kinds: ReadonlyMap<NodeProto, OperatorKind>,
  { activations, weights }: Quantized,
): FormatDescription['placement'] {
  const quantized = [...kinds.values()].filter((kind) => kind !== 'float' && kind !== 'step');
  const found = mostFrequent(quantized, (kind) => kind);
  if (found) return found;
  if (activations.length > 0) return 'qdq';
  return weights.length > 0 ? 'weight-only' : 'none';
}

function countOperators(
  kinds: ReadonlyMap<NodeProto, OperatorKind>,
): Pick<VariantRecord, 'quantizedOperators' | 'floatOperators'> {
  const quantizedOperators: Record<string, number> = {};
  const floatOperators: Record<string, number> = {};
  for (const [{ opType }, kind] of kinds) {
    if (kind === 'step') continue;
    const counts = kind === 'float' ? floatOperators : quantizedOperators;
    counts[opType] = (counts[opType] ?? 0) + 1;
  }
  return { quantizedOperators, floatOperators };
}

/** The key with the greatest weight; the first of equals. */
function mostFrequent<T, K extends string>(
  values: readonly T[],
  key: (value: T) => K,
  weight: (value: T) => number = () => 1,
): K | undefined {
  const counts = new Map<K, number>();
  for (const value of values) counts.set(key(value), (counts.get(key(value)) ?? 0) + weight(value));
  return [...counts].sort((a, b) => b[1] - a[1])[0]?.[0];
}

import type { NodeProto } from '../../gen/onnx/onnx_pb.js';
import { readInt } from '../onnx/attribute.ts';
import type { VariantRecord } from './artefacts.ts';
import type { Constants } from './describe-constants.ts';
import type { Operand } from './describe-operands.ts';

interface NoteFacts {
  readonly nodes: readonly NodeProto[];
  readonly constants: Constants;
  readonly activations: readonly Operand[];
  readonly weights: readonly Operand[];
  readonly placement: VariantRecord['placement'];
  /** Clips between QuantizeLinear and DequantizeLinear. */
  readonly integerClips: number;
}

/** What a user should know of a file before running it, each in one sentence. */
export function writeNotes(facts: NoteFacts): string[] {
  return [
    ...noteMixture('activations', facts.activations),
    ...noteMixture('weights', facts.weights),
    ...noteFloatMixture(facts),
    ...noteBlocks(facts),
    ...noteDynamic(facts),
    ...(facts.placement === 'qdq' ? noteRuntimes(facts) : []),
  ];
}

function noteMixture(what: string, operands: readonly Operand[]): string[] {
  const counts = countBy(operands, ({ elementType }) => elementType);
  return counts.length > 1 ? [`The ${what} are of several types: ${list(counts)}.`] : [];
}

/** Weights alone, of two dimensions or more: scales and bounds stay float32 in many a float16 file. */
function noteFloatMixture({ constants }: NoteFacts): string[] {
  const weights = [...constants.values()].filter(
    ({ elementType, dims }) => /float/.test(elementType) && (dims?.length ?? 0) > 1,
  );
  const counts = countBy(weights, ({ elementType }) => elementType);
  return counts.length > 1 ? [`The float weights are of several types: ${list(counts)}.`] : [];
}

function noteBlocks({ nodes, weights }: NoteFacts): string[] {
  if (!weights.some(({ granularity }) => granularity === 'per-block')) return [];
  const sizes = new Set(nodes.map((node) => readInt(node, 'block_size', 0)).filter((size) => size > 0));
  return [`Weights have one scale for each block of ${[...sizes].sort((a, b) => a - b).join(' or ')}.`];
}

function noteDynamic({ nodes }: NoteFacts): string[] {
  const isDynamic = nodes.some(({ opType }) => opType.startsWith('DynamicQuantize'));
  return isDynamic ? ['Activations are quantized anew in each inference (dynamic quantization).'] : [];
}

/** What runtimes make of QuantizeLinear/DequantizeLinear pairs. */
function noteRuntimes({ activations, weights, integerClips }: NoteFacts): string[] {
  const has = (...types: readonly string[]): boolean =>
    activations.some(({ elementType }) => types.includes(elementType));
  return [
    ...noteTensorRt({ activations, weights }),
    ...(has('int8')
      ? ['Activations are int8: ONNX Runtime keeps much of it in float on x64, where it fuses uint8.']
      : []),
    ...(has('uint16', 'int16')
      ? ['Activations have 16 bits: ONNX Runtime computes them in float32 on CPUs.']
      : []),
    ...(integerClips > 0
      ? [
          `Clip between QuantizeLinear and DequantizeLinear (${integerClips}) ` +
            'keeps ONNX Runtime from computing in integers there.',
        ]
      : []),
  ];
}

/** TensorRT has no zero points: "TRT only supports symmetric quantization - zeroPt must be all zeros". */
function noteTensorRt({ activations, weights }: Pick<NoteFacts, 'activations' | 'weights'>): string[] {
  for (const [what, operands] of [
    ['Activations', activations],
    ['Weights', weights],
  ] as const) {
    const isSymmetric = operands.every((operand) => operand.isSymmetric);
    const types = [...new Set(operands.map(({ elementType }) => elementType))];
    if (isSymmetric && types.every((type) => /^(int8|int4|float8)/.test(type))) continue;
    const form = `${isSymmetric ? 'symmetric' : 'asymmetric'} ${types.join(' and ')}`;
    return [`${what} are ${form}: TensorRT, whose integers are symmetric int8, refuses the file.`];
  }
  return [];
}

function countBy<T>(values: readonly T[], key: (value: T) => string): [string, number][] {
  const counts = new Map<string, number>();
  for (const value of values) counts.set(key(value), (counts.get(key(value)) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
}

function list(counts: readonly [string, number][]): string {
  return counts.map(([type, count]) => `${type} (${count})`).join(', ');
}

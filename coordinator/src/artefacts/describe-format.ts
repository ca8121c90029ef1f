import type { GraphProto, ModelProto, NodeProto, TensorProto } from '../../gen/onnx/onnx_pb.js';
import { findElementType } from '../onnx/element-type.ts';
import { countElements } from '../onnx/tensor.ts';
import { walkGraphs, walkNodes } from '../onnx/walk-graph.ts';
import type { VariantRecord } from './artefacts.ts';

export type FormatDescription = Pick<
  VariantRecord,
  'format' | 'granularity' | 'quantizedOperators' | 'floatOperators' | 'notes'
>;

/**
 * The number formats of an ONNX file by whoever made it, as `activations/weights` (`uint8/int8`,
 * `float32/int8` where only the weights are integers), or one type where nothing is quantized. Read from the
 * Quantize/DequantizeLinear nodes and integer operators, so a description of the file, not of the kernels
 * that will run. Weights are per-channel where one of them has more than one scale.
 */
export function describeFormat(model: ModelProto): FormatDescription {
  const graph = model.graph!;
  const facts = indexTensors(graph);
  const nodes = [...walkNodes(graph)].map(({ node }) => node);
  const weights = nodes.flatMap((node) => weightsOf(node, facts));
  const activations = nodes.flatMap((node) => activationType(node, facts));
  const isQuantized = weights.length > 0 || activations.length > 0;
  const float = mostFrequent([...facts.constants.values()].map(typeOf).filter((type) => /float/.test(type)));
  const operators = countOperators(nodes, facts);
  if (!isQuantized) return { format: float ?? 'float32', granularity: 'none', ...operators, notes: [] };
  const format = `${mostFrequent(activations) ?? 'float32'}/${mostFrequent(weights.map(({ type }) => type)) ?? 'float32'}`;
  const isPerChannel = weights.some(({ scales }) => scales > 1);
  return {
    format,
    granularity: isPerChannel ? 'per-channel' : 'per-tensor',
    ...operators,
    notes: notesOn(nodes),
  };
}

interface TensorFacts {
  /** Initialisers and outputs of Constant nodes. */
  readonly constants: ReadonlyMap<string, TensorProto>;
  readonly producers: ReadonlyMap<string, NodeProto>;
}

interface QuantizedWeight {
  readonly type: string;
  /** Number of scales, or of zero points where the file has no scales beside the weight. */
  readonly scales: number;
}

/** Operators on integers: where their weight and its scales (or zero points) stand among the inputs. */
const integerOperators: Record<string, readonly [weight: number, scales: number]> = {
  QLinearConv: [3, 4],
  QLinearMatMul: [3, 4],
  QGemm: [3, 4],
  ConvInteger: [1, 3],
  MatMulInteger: [1, 3],
  MatMulIntegerToFloat: [1, 3],
  DynamicQuantizeMatMul: [1, 2],
  MatMulNBits: [1, 2],
};

/** Steps between formats and the graph's own arithmetic; not counted as operators. */
const uncounted = new Set([
  'QuantizeLinear',
  'DequantizeLinear',
  'DynamicQuantizeLinear',
  'Constant',
  'Shape',
]);

function indexTensors(graph: GraphProto): TensorFacts {
  const constants = new Map<string, TensorProto>();
  const producers = new Map<string, NodeProto>();
  for (const inner of walkGraphs(graph)) {
    for (const tensor of inner.initializer) constants.set(tensor.name, tensor);
    for (const node of inner.node) {
      for (const output of node.output) producers.set(output, node);
      const value = node.attribute.find((attribute) => attribute.name === 'value')?.t;
      if (node.opType === 'Constant' && value) constants.set(node.output[0]!, value);
    }
  }
  return { constants, producers };
}

/** The quantized weight that a node brings in; biases (int32) are none. */
function weightsOf(node: NodeProto, { constants, producers }: TensorFacts): QuantizedWeight[] {
  const constant = (index: number): TensorProto | undefined => constants.get(node.input[index] ?? '');
  const count = (tensor: TensorProto | undefined): number =>
    tensor ? countElements(tensor.dims.map(Number)) : 1;
  if (node.opType === 'MatMulNBits') {
    const bits = node.attribute.find((attribute) => attribute.name === 'bits')?.i ?? 4n;
    return [{ type: `int${bits}`, scales: count(constant(2)) }];
  }
  const places = node.opType === 'DequantizeLinear' ? ([0, 1] as const) : integerOperators[node.opType];
  if (!places) return [];
  const weight = constant(places[0]);
  if (weight && typeOf(weight) !== 'int32')
    return [{ type: typeOf(weight), scales: count(constant(places[1])) }];
  const source = producers.get(node.input[places[0]] ?? '');
  if (weight || source?.opType !== 'QuantizeLinear' || !constants.has(source.input[0]!)) return [];
  return [{ type: zeroPointType(source, constants), scales: count(constant(places[1])) }];
}

function activationType(node: NodeProto, { constants }: TensorFacts): string[] {
  if (/^DynamicQuantize/.test(node.opType)) return ['uint8'];
  const isActivation = node.opType === 'QuantizeLinear' && !constants.has(node.input[0]!);
  return isActivation ? [zeroPointType(node, constants)] : [];
}

/** QuantizeLinear gives uint8 where it has no zero point (ONNX operator specification). */
function zeroPointType(node: NodeProto, constants: TensorFacts['constants']): string {
  const zeroPoint = constants.get(node.input[2] ?? '');
  return zeroPoint ? typeOf(zeroPoint) : 'uint8';
}

function countOperators(
  nodes: readonly NodeProto[],
  { producers }: TensorFacts,
): Pick<VariantRecord, 'quantizedOperators' | 'floatOperators'> {
  const quantizedOperators: Record<string, number> = {};
  const floatOperators: Record<string, number> = {};
  const isDequantized = (name: string): boolean => producers.get(name)?.opType === 'DequantizeLinear';
  for (const node of nodes) {
    if (uncounted.has(node.opType)) continue;
    const isInteger = isIntegerOperator(node.opType) || node.input.some(isDequantized);
    const counts = isInteger ? quantizedOperators : floatOperators;
    counts[node.opType] = (counts[node.opType] ?? 0) + 1;
  }
  return { quantizedOperators, floatOperators };
}

function isIntegerOperator(opType: string): boolean {
  return (
    opType.startsWith('QLinear') ||
    opType.startsWith('DynamicQuantize') ||
    Object.hasOwn(integerOperators, opType)
  );
}

function notesOn(nodes: readonly NodeProto[]): string[] {
  const has = (pattern: RegExp): boolean => nodes.some((node) => pattern.test(node.opType));
  return [
    ...(has(/^DynamicQuantize/)
      ? ['Activations are quantized anew in each inference (dynamic quantization).']
      : []),
    ...(has(/^MatMulNBits$/) ? ['Weights have one scale for each block.'] : []),
  ];
}

function typeOf(tensor: TensorProto): string {
  return findElementType(tensor.dataType)?.name ?? `type ${tensor.dataType}`;
}

function mostFrequent(values: readonly string[]): string | undefined {
  const counts = new Map<string, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1])[0]?.[0];
}

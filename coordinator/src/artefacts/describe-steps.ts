import type { NodeProto } from '../../gen/onnx/onnx_pb.js';
import type { Constants } from './describe-constants.ts';
import type { FlatModel } from './describe-nodes.ts';

/** How a file says that an operator's tensors are integers; `float` where none is, `step` where the node is no operator of the network. */
export type OperatorKind = 'step' | 'float' | 'qdq' | 'qoperator' | 'dynamic' | 'weight-only';

/** Steps between number formats and the graph's own arithmetic. */
const steps = new Set([
  'Cast',
  'Constant',
  'ConstantOfShape',
  'DequantizeLinear',
  'DynamicQuantizeLinear',
  'Identity',
  'QuantizeLinear',
  'Shape',
]);

/** Tells of each node what it is; nodes that compute constants are steps. */
export function classifyNodes(model: FlatModel, constants: Constants): ReadonlyMap<NodeProto, OperatorKind> {
  return new Map(model.nodes.map((node) => [node, classify(node, model, constants)]));
}

function classify(node: NodeProto, model: FlatModel, constants: Constants): OperatorKind {
  const { opType } = node;
  if (steps.has(opType) || constants.has(node.output[0] ?? '') || limitsIntegers(node, model)) return 'step';
  if (/^DynamicQuantize/.test(opType)) return 'dynamic';
  if (/^(ConvInteger|MatMulInteger)/.test(opType)) {
    const source = traceBack(node.input[0] ?? '', model, moving);
    return source?.opType === 'DynamicQuantizeLinear' ? 'dynamic' : 'qoperator';
  }
  if (/^(QLinear|QGemm$|QAttention$)/.test(opType)) return 'qoperator';
  if (opType === 'MatMulNBits' || opType === 'GatherBlockQuantized') return 'weight-only';
  return classifyByInputs(node, model, constants);
}

/**
 * A float operator counts as quantized where its weights are, or where it takes dequantized activations and
 * its result is quantized again: that is what a runtime can fuse.
 */
function classifyByInputs(node: NodeProto, model: FlatModel, constants: Constants): OperatorKind {
  const dequantized = node.input.filter((input) => {
    const source = traceBack(input, model, constants.has(input) ? moving : passing);
    return source?.opType === 'DequantizeLinear';
  });
  const activations = dequantized.filter((input) => !constants.has(input));
  const hasWeights = activations.length < dequantized.length;
  if (activations.length === 0) return hasWeights ? 'weight-only' : 'float';
  return hasWeights || isQuantizedAgain(node, model) ? 'qdq' : 'float';
}

function isQuantizedAgain(node: NodeProto, model: FlatModel): boolean {
  const consumers = followUp(node.output[0] ?? '', model, absorbable);
  return consumers.some(({ opType }) => opType === 'QuantizeLinear');
}

const passing = new Set(['Identity', 'Cast']);
const absorbable = new Set([...passing, 'Relu', 'Clip']);
const moving = new Set([...passing, 'Reshape', 'Transpose', 'Squeeze', 'Unsqueeze', 'Flatten']);

/** The node that made a tensor, before nodes that only pass it on. */
function traceBack(name: string, model: FlatModel, through: ReadonlySet<string>): NodeProto | undefined {
  let node = model.producers.get(name);
  for (let i = 0; node && through.has(node.opType) && i < maxChain; i++)
    node = model.producers.get(node.input[0] ?? '');
  return node;
}

const maxChain = 32;

/**
 * Relu and Clip before a node that quantizes, which a runtime folds into the quantization; and those on the
 * integers themselves, as PyTorch's fake quantization writes them for 7-bit ranges.
 */
export function findClips(
  model: FlatModel,
  kinds: ReadonlyMap<NodeProto, OperatorKind>,
): { readonly floats: number; readonly integers: number } {
  const clips = model.nodes.filter(({ opType }) => opType === 'Relu' || opType === 'Clip');
  const integers = clips.filter((node) => limitsIntegers(node, model));
  const floats = clips.filter(
    (node) =>
      kinds.get(node) !== 'step' && followUp(node.output[0] ?? '', model, passing).some(isQuantizing(kinds)),
  );
  return { floats: floats.length, integers: integers.length };
}

function limitsIntegers(node: NodeProto, model: FlatModel): boolean {
  if (node.opType !== 'Relu' && node.opType !== 'Clip') return false;
  return traceBack(node.input[0] ?? '', model, passing)?.opType === 'QuantizeLinear';
}

const isQuantizing =
  (kinds: ReadonlyMap<NodeProto, OperatorKind>) =>
  (node: NodeProto): boolean =>
    node.opType === 'QuantizeLinear' || kinds.get(node) === 'qoperator';

/** The nodes that take a tensor, after nodes that only pass it on. */
function followUp(
  name: string,
  model: FlatModel,
  through: ReadonlySet<string>,
  depth = 0,
): readonly NodeProto[] {
  const consumers = model.consumers.get(name) ?? [];
  if (depth >= maxChain) return consumers;
  return consumers.flatMap((node) =>
    through.has(node.opType) ? followUp(node.output[0] ?? '', model, through, depth + 1) : [node],
  );
}

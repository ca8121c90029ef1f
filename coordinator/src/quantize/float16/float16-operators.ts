import type { NodeProto } from '../../../gen/onnx/onnx_pb.js';
import { subgraphs } from '../../onnx/walk-graph.ts';

/**
 * Operators that hold a network's weights and work; always float16. ONNX has defined each of them for float16
 * since its first opset (the type constraints in onnx/docs/Changelog.md). LSTM, GRU and RNN have no float16 kernel on
 * ONNX Runtime's CPU, and version 1.30 dies of SIGSEGV on such an LSTM instead of widening it: they stay float32.
 */
const weighty = new Set(['Conv', 'ConvTranspose', 'Gemm', 'MatMul']);

/**
 * Operators that go with their inputs: float16 where these are float16 already, so that no Cast is needed for
 * them. Left out are those whose float16 form came with a later opset or is missing in runtimes (Resize,
 * Upsample, RoiAlign, NonMaxSuppression, TopK, Range, CumSum, comparisons), and those that leave the range of
 * float16 on ordinary activations (Exp, Log, Pow, Reciprocal, sums over axes, norms).
 */
const following = new Set([
  ...['Add', 'Sub', 'Mul', 'Div', 'Neg', 'Abs', 'Sqrt', 'Max', 'Min', 'Where', 'Erf'],
  ...['Relu', 'LeakyRelu', 'PRelu', 'Elu', 'Selu', 'Clip', 'Sigmoid', 'Tanh', 'HardSigmoid', 'HardSwish'],
  ...['Softplus', 'Softsign', 'Softmax', 'LogSoftmax', 'Gelu', 'Mish'],
  ...['MaxPool', 'AveragePool', 'GlobalMaxPool', 'GlobalAveragePool', 'ReduceMax', 'ReduceMean', 'ReduceMin'],
  ...['BatchNormalization', 'InstanceNormalization', 'LayerNormalization', 'GroupNormalization'],
  ...['Concat', 'Split', 'Slice', 'Pad', 'Gather', 'GatherND', 'GatherElements', 'Reshape', 'Transpose'],
  ...['Flatten', 'Squeeze', 'Unsqueeze', 'Expand', 'Tile', 'Identity', 'DepthToSpace', 'SpaceToDepth'],
  ...['Shape', 'Size'],
]);

/** How an operator takes part: `weighty` is float16 always, `following` where its inputs are. */
export function float16Role(node: NodeProto): 'weighty' | 'following' | 'float32' {
  const isOnnx = node.domain === '' || node.domain === 'ai.onnx';
  if (!isOnnx || subgraphs(node).length > 0) return 'float32';
  if (weighty.has(node.opType)) return 'weighty';
  return following.has(node.opType) ? 'following' : 'float32';
}

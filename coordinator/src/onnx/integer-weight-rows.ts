import type { FunctionProto, GraphProto, NodeProto } from '../../gen/onnx/onnx_pb.js';
import { readInt } from './attribute.ts';
import { hasOneReader, indexGraph } from './graph-index.ts';
import { inlineFunctions, nameCall, nameFunction } from './inline-functions.ts';
import {
  dequantizerBehind,
  findStored,
  producerOf,
  resolveCodes,
  resolveConstant,
  type Scopes,
} from './resolve-constant.ts';
import { countElements, type Tensor } from './tensor.ts';
import { describeNode, subgraphs } from './walk-graph.ts';

/** The int8 weight of an operator that runs on a kernel of uint8 times int8. */
export interface IntegerWeight {
  readonly node: NodeProto;
  /** Output channels. */
  readonly channels: number;
  /**
   * The weights that one output channel sums, in the kernel's order along K. Conv: for each place of the kernel all
   * input channels of the group. A weight with leading dimensions has one row for each of its matrices.
   */
  readonly rowsOf: (channel: number) => Int8Array[];
}

/** An operator that may multiply by int8 weights that the file does not show. */
export interface UnknownWeight {
  readonly node: string;
  readonly why: string;
}

export interface IntegerWeights {
  readonly known: readonly IntegerWeight[];
  readonly unknown: readonly UnknownWeight[];
}

/**
 * Finds the int8 weights that ONNX Runtime multiplies by uint8 activations, in a graph and its subgraphs: constants as
 * it folds them, through views and QuantizeLinear. int8 activations become uint8 first on x64
 * (`QDQS8ToU8Transformer`), so the activation's sign does not matter. Left out: operators whose activation is not
 * quantized to 8 bits, which run in float; depthwise convolutions, whose kernel has 32 bits throughout; ConvInteger,
 * where the weights are the left operand of the product and so go to another kernel. What may be such a weight and
 * cannot be read is unknown. The model's own functions are inlined, as ONNX Runtime does.
 */
export function listIntegerWeights(
  graph: GraphProto,
  functions: readonly FunctionProto[] = [],
): IntegerWeights {
  const known: IntegerWeight[] = [];
  // A function's operators have one name however often it is called.
  const unknown = new Map<string, UnknownWeight>();
  const local = new Set(functions.map(nameFunction));
  const visit = (inner: GraphProto, outer: Scopes): void => {
    const scopes = [indexGraph(inner), ...outer];
    for (const node of inner.node) {
      for (const found of local.has(nameCall(node)) ? [localFunction] : findWeights(node, scopes)) {
        if (typeof found === 'string') {
          const name = node.name || describeNode(node);
          unknown.set(`${name}: ${found}`, { node: name, why: found });
        } else if (!isDepthwise(node, found)) known.push(rowsOf(node, found));
      }
      for (const subgraph of subgraphs(node)) visit(subgraph, scopes);
    }
  };
  visit(inlineFunctions(graph, functions), []);
  return { known, unknown: [...unknown.values()] };
}

const localFunction = 'it is a function of the model’s own, too deep or too large to look into';

/** Positions of the weights among the inputs, and whether the operator is an integer one without Q/DQ around it. */
const weightInputs: Readonly<
  Record<string, { readonly inputs: readonly number[]; readonly isInteger: boolean }>
> = {
  Conv: { inputs: [1], isInteger: false },
  Gemm: { inputs: [1], isInteger: false },
  MatMul: { inputs: [1], isInteger: false },
  MatMulInteger: { inputs: [1], isInteger: true },
  MatMulIntegerToFloat: { inputs: [1], isInteger: true },
  DynamicQuantizeMatMul: { inputs: [1], isInteger: true },
  /** Weights and recurrent weights, [directions, K, 4 · hidden]. */
  DynamicQuantizeLSTM: { inputs: [1, 2], isInteger: true },
  /** Of query, key and value together, [K, 3 · hidden]. */
  QAttention: { inputs: [1], isInteger: true },
  QLinearConv: { inputs: [3], isInteger: true },
  QLinearMatMul: { inputs: [3], isInteger: true },
  QGemm: { inputs: [3], isInteger: true },
};

/** The int8 weights of a node, or why they are not known. */
function findWeights(node: NodeProto, scopes: Scopes): (Tensor | string)[] {
  const place = Object.hasOwn(weightInputs, node.opType) ? weightInputs[node.opType]! : undefined;
  if (!place || (!place.isInteger && !hasByteCodes(activationOf(node, scopes), scopes))) return [];
  return place.inputs.flatMap((input): (Tensor | string)[] => {
    const name = node.input[input] ?? '';
    if (name === '') return [];
    const weight = place.isInteger ? resolveConstant(name, scopes) : resolveCodes(name, scopes);
    if (weight) return weight.elementType === 'int8' && weight.dims.length >= 1 ? [weight] : [];
    const mayBeInt8 = place.isInteger
      ? codesType(name, scopes) !== 'uint8'
      : dequantizedType(name, scopes) === 'int8';
    return mayBeInt8 ? [explainUnknown(name, scopes)] : [];
  });
}

/** Why the codes of a weight cannot be read: the step from which on they are not followed. */
function explainUnknown(name: string, scopes: Scopes): string {
  const step = dequantizerBehind(name, scopes, movedThrough);
  const maker = producerOf(step?.input[0] ?? name, scopes);
  return maker
    ? `its int8 weights are computed by ${maker.opType}`
    : 'its int8 weights are given with each inference';
}

/** The activation of a layer; for a Conv that of the Pad in front, which ONNX Runtime makes part of it. */
function activationOf(node: NodeProto, scopes: Scopes): string {
  const name = node.input[0] ?? '';
  const producer = producerOf(name, scopes);
  return node.opType === 'Conv' && producer?.opType === 'Pad' ? (producer.input[0] ?? '') : name;
}

/** Operators that ONNX Runtime moves quantize steps through, so that what is behind them still computes on codes. */
const movedThrough =
  /^(Identity|Transpose|Reshape|Squeeze|Unsqueeze|Flatten|MaxPool|Slice|Gather|GatherElements|Expand|Tile|Resize)$/;

/** True where a tensor comes from 8-bit codes. Without a zero point their type cannot be seen: they are then taken for 8 bits. */
function hasByteCodes(name: string, scopes: Scopes): boolean {
  const step = dequantizerBehind(name, scopes, movedThrough);
  if (!step) return false;
  const zeroPoint = findStored(step.input[2] ?? '', scopes);
  return zeroPoint === undefined || zeroPoint.dataType === 2 || zeroPoint.dataType === 3;
}

/** Type of the codes behind a float tensor; undefined where it does not come from a DequantizeLinear. */
function dequantizedType(name: string, scopes: Scopes): string | undefined {
  const step = dequantizerBehind(name, scopes, movedThrough);
  if (!step) return undefined;
  if (becomesUint8(step, scopes)) return 'uint8';
  const zeroPoint = findStored(step.input[2] ?? '', scopes);
  if (zeroPoint) return zeroPoint.dataType === 3 ? 'int8' : zeroPoint.dataType === 2 ? 'uint8' : 'other';
  return codesType(step.input[0] ?? '', scopes) ?? 'int8';
}

/**
 * Whether x64 turns these int8 codes into uint8 (`QDQS8ToU8Transformer`): a QuantizeLinear makes them in each
 * inference, and one operator alone reads them. Those of constants are folded before and stay int8.
 */
function becomesUint8(step: NodeProto, scopes: Scopes): boolean {
  const codes = step.input[0] ?? '';
  const maker = producerOf(codes, scopes);
  const home = scopes.find(({ producers }) => producers.has(codes));
  if (maker?.opType !== 'QuantizeLinear' || !home) return false;
  return hasOneReader(home, codes) && followsFromInput(maker, scopes);
}

/** Whether a node's result certainly depends on what is fed. A shape may be constant all the same. */
function followsFromInput(node: NodeProto, scopes: Scopes): boolean {
  const seen = new Set<NodeProto>();
  const pending = [node];
  for (let next = pending.pop(); next; next = pending.pop()) {
    if (seen.has(next) || /^(Shape|Size)$/.test(next.opType)) continue;
    seen.add(next);
    for (const name of next.input) {
      const producer = producerOf(name, scopes);
      if (producer) pending.push(producer);
      else if (name !== '' && !findStored(name, scopes)) return true;
    }
  }
  return false;
}

/** Type of a tensor of codes, by the QuantizeLinear that makes it; undefined where it cannot be seen. */
function codesType(name: string, scopes: Scopes): string | undefined {
  const producer = producerOf(name, scopes);
  if (producer?.opType === 'DynamicQuantizeLinear') return 'uint8';
  if (producer?.opType !== 'QuantizeLinear') return undefined;
  const zeroPoint = findStored(producer.input[2] ?? '', scopes);
  if (!producer.input[2]) return readInt(producer, 'output_dtype', 2) === 3 ? 'int8' : 'uint8';
  return zeroPoint?.dataType === 3 ? 'int8' : zeroPoint?.dataType === 2 ? 'uint8' : undefined;
}

function rowsOf(node: NodeProto, weight: Tensor): IntegerWeight {
  return node.opType.endsWith('Conv') ? convRows(node, weight) : matrixRows(node, weight);
}

/** One input and one output channel per group; with more of either, ONNX Runtime takes the matrix kernel. */
function isDepthwise(node: NodeProto, weight: Tensor): boolean {
  const group = readInt(node, 'group', 1);
  return node.opType.endsWith('Conv') && group > 1 && weight.dims[1] === 1 && weight.dims[0] === group;
}

/** [M, C / group, ...kernel] to rows of kernel place × input channel: `ReorderFilter` in qlinearconv.cc. */
function convRows(node: NodeProto, { data, dims }: Tensor): IntegerWeight {
  const weights = data as Int8Array;
  const [channels, inputs, places] = [dims[0]!, dims[1]!, countElements(dims.slice(2))];
  const rowOf = (channel: number): Int8Array => {
    const row = new Int8Array(places * inputs);
    for (let input = 0; input < inputs; input++) {
      const start = (channel * inputs + input) * places;
      for (let place = 0; place < places; place++) row[place * inputs + input] = weights[start + place]!;
    }
    return row;
  };
  return { node, channels, rowsOf: (channel) => [rowOf(channel)] };
}

/** [..., K, N], or [N, K] where Gemm transposes it, to one row of K for each column of each matrix; [K] is one column. */
function matrixRows(node: NodeProto, { data, dims: given }: Tensor): IntegerWeight {
  const weights = data as Int8Array;
  const dims = given.length === 1 ? [given[0]!, 1] : given;
  const isTransposed = readInt(node, 'transB', 0) === 1;
  const [k, n] = isTransposed ? [dims.at(-1)!, dims.at(-2)!] : [dims.at(-2)!, dims.at(-1)!];
  const matrices = countElements(dims.slice(0, -2));
  const [rowStep, columnStep] = isTransposed ? [1, k] : [n, 1];
  const rowOf = (matrix: number, column: number): Int8Array => {
    const row = new Int8Array(k);
    const start = matrix * k * n + column * columnStep;
    for (let i = 0; i < k; i++) row[i] = weights[start + i * rowStep]!;
    return row;
  };
  const rowsOf = (column: number): Int8Array[] =>
    Array.from({ length: matrices }, (_, matrix) => rowOf(matrix, column));
  return { node, channels: n, rowsOf };
}

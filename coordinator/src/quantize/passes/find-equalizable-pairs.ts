import type { GraphProto, NodeProto } from '../../../gen/onnx/onnx_pb.js';
import { readFloat, readInt } from '../../onnx/attribute.ts';
import { readClipBounds } from '../../onnx/clip-bounds.ts';
import { type GraphIndex, hasSoleConsumer, indexGraph } from '../../onnx/graph-index.ts';

/** Two operators between which channels can be scaled without changing what the network computes. */
export interface EqualizablePair {
  readonly first: NodeProto;
  readonly second: NodeProto;
  /** Upper bound of the Clip between them; Infinity where there is none. */
  readonly cap: number;
  /** Whether negative values get through. */
  readonly isLinear: boolean;
}

/** Positively homogeneous operators that keep channels apart. */
const transparent = new Set(['MaxPool', 'AveragePool', 'GlobalAveragePool']);

/**
 * Conv or Gemm, then Relu, Clip from 0 or pooling (or nothing), then Conv or Gemm, each the only consumer of the one
 * before; weights and biases constant and used once. Grouped convolutions only where they are depthwise.
 */
export function findEqualizablePairs(graph: GraphProto): EqualizablePair[] {
  const index = indexGraph(graph);
  return graph.node.flatMap((first) => {
    if (!isScalable(first, index)) return [];
    const found = followToNext(first, index);
    return found && isScalable(found.second, index) ? [{ first, ...found }] : [];
  });
}

function followToNext(first: NodeProto, index: GraphIndex): Omit<EqualizablePair, 'first'> | undefined {
  let tensor = first.output[0]!;
  let cap = Number.POSITIVE_INFINITY;
  let isLinear = true;
  for (;;) {
    if (!hasSoleConsumer(index, tensor)) return undefined;
    const next = index.consumers.get(tensor)![0]!;
    if (next.input[0] !== tensor) return undefined;
    if (next.opType === 'Conv' || next.opType === 'Gemm') return { second: next, cap, isLinear };
    if (next.opType === 'Relu') isLinear = false;
    else if (next.opType === 'Clip') {
      const bounds = readClipBounds(next, index);
      if (bounds?.low !== 0) return undefined;
      [cap, isLinear] = [Math.min(cap, bounds.high), false];
    } else if (!transparent.has(next.opType) || next.output.length > 1) return undefined;
    tensor = next.output[0]!;
  }
}

function isScalable(node: NodeProto, index: GraphIndex): boolean {
  const [, weightName = '', biasName = ''] = node.input;
  const isOwn = (name: string): boolean =>
    index.initialisers.get(name)?.dataType === 1 && hasSoleConsumer(index, name);
  if (!isOwn(weightName) || (biasName !== '' && !isOwn(biasName))) return false;
  if (node.opType === 'Gemm') return isPlainGemm(node) && isRow(index, biasName, node, weightName);
  return node.opType === 'Conv' && (readInt(node, 'group', 1) === 1 || isDepthwise(node, index));
}

function isPlainGemm(node: NodeProto): boolean {
  return (
    readFloat(node, 'alpha', 1) === 1 && readFloat(node, 'beta', 1) === 1 && readInt(node, 'transA', 0) === 0
  );
}

function isRow(index: GraphIndex, biasName: string, node: NodeProto, weightName: string): boolean {
  if (biasName === '') return true;
  const channels = index.initialisers.get(weightName)!.dims[readInt(node, 'transB', 0) === 1 ? 0 : 1];
  const { dims } = index.initialisers.get(biasName)!;
  return dims.at(-1) === channels && dims.slice(0, -1).every((size) => size === 1n);
}

/** One input channel for each output channel. */
export function isDepthwise(node: NodeProto, index: GraphIndex): boolean {
  const weight = index.initialisers.get(node.input[1] ?? '');
  const group = readInt(node, 'group', 1);
  return group > 1 && weight?.dims[1] === 1n && weight.dims[0] === BigInt(group);
}

import { clone, create } from '@bufbuild/protobuf';
import {
  type GraphProto,
  type ModelProto,
  ModelProtoSchema,
  type NodeProto,
  NodeProtoSchema,
} from '../../../gen/onnx/onnx_pb.js';
import { readInt } from '../../onnx/attribute.ts';
import { indexGraph } from '../../onnx/graph-index.ts';
import type { TensorType } from '../../onnx/shapes.ts';
import { createTensor, readFloats } from '../../onnx/tensor.ts';
import type { InputSource } from '../calibration/collect-statistics.ts';
import { reducePerChannel } from '../calibration/reduce-per-channel.ts';
import type { OrtChildOptions } from '../ort-child.ts';
import { computeWeightScales, dequantizeWeight } from '../quantize-weight.ts';
import type { StaticRecipe } from '../recipes/recipe.ts';

export interface BiasCorrectionRequest {
  /** What will be quantized: folded, perhaps equalized. */
  readonly model: ModelProto;
  readonly types: ReadonlyMap<string, TensorType>;
  /** Names of the operators that become integer. */
  readonly nodes: ReadonlySet<string>;
  readonly weights: StaticRecipe['weights'];
  readonly inputs: InputSource;
}

/**
 * Empirical bias correction (Nagel et al. 2019, §4.2): rounding weights shifts a layer's mean output by E[(W - Ŵ) x];
 * what to add to the biases of Conv and Gemm nodes to undo it, by output channel. Measured in one pass over the
 * inputs: beside each layer stands one with weights W - Ŵ, on the float model's own activations, so corrections do
 * not depend on each other. MatMul has no bias to correct.
 */
export async function measureBiasCorrections(
  request: BiasCorrectionRequest,
  options: OrtChildOptions,
): Promise<Map<string, Float32Array>> {
  const model = clone(ModelProtoSchema, request.model);
  const graph = model.graph!;
  const index = indexGraph(graph);
  const layers = graph.node.filter(
    (node) => request.nodes.has(node.name) && (node.opType === 'Conv' || node.opType === 'Gemm'),
  );
  if (layers.length === 0) return new Map();
  const reductions = layers.map((node) => {
    const weight = index.initialisers.get(node.input[1]!)!;
    const output = `${node.output[0]}_qfleet_rounding`;
    const name = `${output}_weight`;
    const values = roundingOf(node, readFloats(weight), weight.dims.map(Number), request.weights);
    graph.initializer.push(createTensor(name, 'float32', weight.dims.map(Number), values));
    graph.node.push(
      create(NodeProtoSchema, {
        opType: node.opType,
        name: output,
        attribute: node.attribute,
        input: [node.input[0]!, name, ...zeroBias(node, weight.dims.map(Number), graph)],
        output: [output],
      }),
    );
    const rank = request.types.get(node.output[0]!)?.shape.length ?? 0;
    return { tensor: output, rank, operator: 'ReduceMean' as const };
  });
  const means = await reducePerChannel(model, request.inputs, reductions, options);
  return new Map(layers.map((node, i) => [node.name, means[i]!]));
}

/** Until opset 10 Gemm takes its bias for granted. */
function zeroBias(node: NodeProto, dims: readonly number[], graph: GraphProto): readonly string[] {
  if (node.opType !== 'Gemm') return [];
  const name = `${node.output[0]}_qfleet_zero_bias`;
  const channels = dims[readInt(node, 'transB', 0) === 1 ? 0 : 1]!;
  graph.initializer.push(createTensor(name, 'float32', [channels], new Float32Array(channels)));
  return [name];
}

/** W - Ŵ */
function roundingOf(
  node: NodeProto,
  values: Float32Array,
  dims: readonly number[],
  format: StaticRecipe['weights'],
): Float32Array {
  const channelAxis = node.opType === 'Conv' || readInt(node, 'transB', 0) === 1 ? 0 : 1;
  const axis = format.granularity === 'per-channel' ? channelAxis : undefined;
  const weight = { values, dims, axis };
  const rounded = dequantizeWeight(weight, computeWeightScales(weight, node.input[1]!, format), format);
  return values.map((value, i) => value - rounded[i]!);
}

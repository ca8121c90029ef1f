import * as z from 'zod';
import type { ModelProto } from '../../gen/onnx/onnx_pb.js';
import { indexGraph } from '../onnx/graph-index.ts';
import { elementCount, inferShapes } from '../onnx/shapes.ts';
import { readTensor } from '../onnx/tensor.ts';
import type { OrtChildOptions } from '../ort/ort-child.ts';

/** A tensor inside a variant that can be looked at. */
export const innerTensorSchema = z.object({
  name: z.string(),
  /** The operator that computes it: `Conv conv1`. */
  operator: z.string(),
  /** Elements for one input. */
  elements: z.number(),
  /** The float tensor whose codes these are; absent where it holds floats. */
  source: z.string().optional(),
  /** Step and zero point of its codes likewise. */
  scale: z.number().optional(),
  zeroPoint: z.number().optional(),
});
export type InnerTensor = z.infer<typeof innerTensorSchema>;

/** Operators that end in codes of their own. */
const integerOperators = /^QLinear|^QGemm$|^DynamicQuantizeLinear$/;
/** What computes nothing new: looking there would show the same difference again. */
const passive =
  /^(Identity|Reshape|Flatten|Squeeze|Unsqueeze|Transpose|Dropout|Constant|Shape|Cast|DequantizeLinear)$/;

/**
 * The tensors at which two devices can part, in the order in which they are computed: the codes of a quantized file, or
 * the activations of a float one; the model's own outputs are left out, since they are looked at anyway. Codes and not
 * floats, so that looking at them does not change what is fused.
 */
export async function listTensors(
  model: ModelProto,
  options: Pick<OrtChildOptions, 'signal' | 'tempDir'>,
): Promise<InnerTensor[]> {
  const graph = model.graph!;
  const { producers, initialisers, outputs } = indexGraph(graph);
  const types = await inferShapes(model, options);
  const isQuantized = graph.node.some(
    ({ opType, input }) =>
      integerOperators.test(opType) || (opType === 'QuantizeLinear' && !initialisers.has(input[0] ?? '')),
  );
  return graph.node.flatMap((node) => {
    const name = node.output[0] ?? '';
    const type = types.get(name);
    const elements = type && elementCount(type.shape);
    if (elements === undefined || outputs.has(name) || initialisers.has(node.input[0] ?? '')) return [];
    if (!isQuantized) {
      const isFloat = type?.elementType === 'float32' && !passive.test(node.opType);
      return isFloat ? [{ name, operator: nameOf(node), elements }] : [];
    }
    if (integerOperators.test(node.opType)) return [{ name, operator: nameOf(node), elements }];
    if (node.opType !== 'QuantizeLinear') return [];
    const computed = producers.get(node.input[0] ?? '');
    const [scale, zeroPoint] = [1, 2].map((position) => {
      const tensor = initialisers.get(node.input[position] ?? '');
      return tensor && Number(readTensor(tensor).data[0]);
    });
    const operator = computed ? nameOf(computed) : `input ${node.input[0] ?? ''}`;
    const codes = { source: node.input[0]!, zeroPoint: zeroPoint ?? 0 };
    return [{ name, operator, elements, ...(scale !== undefined && { ...codes, scale }) }];
  });
}

function nameOf(node: { readonly opType: string; readonly name: string }): string {
  return node.name === '' || node.name === node.opType ? node.opType : `${node.opType} ${node.name}`;
}

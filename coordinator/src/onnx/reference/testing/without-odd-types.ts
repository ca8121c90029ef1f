import { clone, create } from '@bufbuild/protobuf';
import {
  type ModelProto,
  ModelProtoSchema,
  type TensorProto,
  TensorProtoSchema,
} from '../../../../gen/onnx/onnx_pb.js';
import { intAttribute } from '../../attribute.ts';
import { elementTypeNamed } from '../../element-type.ts';
import { buildNode } from '../../fixtures/build-model.ts';

/** Types that onnxruntime-node 1.30 cannot pass in or out on Node 24, and what holds their values. */
const carriers = new Map([
  [elementTypeNamed('int4').code, elementTypeNamed('int8').code],
  [elementTypeNamed('uint4').code, elementTypeNamed('uint8').code],
  [elementTypeNamed('float16').code, elementTypeNamed('float32').code],
]);

/**
 * A model with inputs of types that onnxruntime-node cannot pass as initialisers of these values, and a Cast behind
 * outputs of such types.
 */
export function withoutOddTypes({
  model,
  inputs,
}: {
  readonly model: ModelProto;
  readonly inputs: readonly TensorProto[];
}): ModelProto {
  const copy = clone(ModelProtoSchema, model);
  const graph = copy.graph!;
  const isOdd = (i: number): boolean => carriers.has(inputs[i]!.dataType);
  graph.initializer = model.graph!.input.flatMap(({ name }, i) =>
    isOdd(i) ? [create(TensorProtoSchema, { ...inputs[i]!, name })] : [],
  );
  graph.input = graph.input.filter((_, i) => !isOdd(i));
  for (const output of graph.output) {
    const type = output.type?.value;
    const carrier = type?.case === 'tensorType' ? carriers.get(type.value.elemType) : undefined;
    if (type?.case !== 'tensorType' || carrier === undefined) continue;
    graph.node.push(buildNode('Cast', [output.name], [`${output.name}_cast`], [intAttribute('to', carrier)]));
    output.name = `${output.name}_cast`;
    type.value.elemType = carrier;
  }
  return copy;
}

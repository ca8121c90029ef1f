import { create } from '@bufbuild/protobuf';
import { QfleetError } from '@qfleet/shared/errors.ts';
import {
  AttributeProto_AttributeType as AttributeType,
  TensorProto_DataLocation as DataLocation,
  type GraphProto,
  GraphProtoSchema,
  type ModelProto,
  type SparseTensorProto,
  type TensorProto,
} from '../../gen/onnx/onnx_pb.js';
import { elementBytes, findElementType } from './element-type.ts';
import { maxModelBytes } from './parse-model.ts';
import { countElements, createTensor, readTensor } from './tensor.ts';
import { walkGraphs } from './walk-graph.ts';

/**
 * Sparse initialisers and sparse Constants as dense ones, in subgraphs and functions too, so that everything behind it
 * knows one kind of constant; ONNX Runtime multiplies by dense ones in any case. Changes the model in place. Throws
 * `refused` where indices, values and dimensions contradict each other, `resource-exhausted` where the dense ones
 * exceed 2 GiB.
 */
export function makeDense(model: ModelProto): void {
  let bytes = 0;
  const densify = (sparse: SparseTensorProto): TensorProto => {
    const name = sparse.values?.name ?? '';
    const dims = sparse.dims.map(Number);
    const elementType = findElementType(sparse.values?.dataType ?? 0)?.name ?? '';
    if (dims.some((size) => !Number.isSafeInteger(size) || size < 0))
      throw contradiction(name, 'its dimensions are impossible');
    bytes += elementBytes(elementType, countElements(dims));
    if (!(bytes <= maxModelBytes)) throw tooLarge(name, dims);
    return scatter(sparse, name, dims);
  };
  for (const graph of [...walkGraphs(model.graph!), ...model.functions.flatMap(functionGraphs)]) {
    graph.initializer.push(...graph.sparseInitializer.map(densify));
    graph.sparseInitializer = [];
    for (const attribute of graph.node.flatMap((node) => node.attribute)) {
      if (attribute.name !== 'sparse_value' || !attribute.sparseTensor) continue;
      Object.assign(attribute, {
        name: 'value',
        type: AttributeType.TENSOR,
        t: densify(attribute.sparseTensor),
      });
      delete attribute.sparseTensor;
    }
  }
}

function functionGraphs({ node }: ModelProto['functions'][number]): GraphProto[] {
  return [...walkGraphs(create(GraphProtoSchema, { node }))];
}

function scatter({ values, indices }: SparseTensorProto, name: string, dims: readonly number[]): TensorProto {
  for (const part of [values, indices])
    if (!part || part.dataLocation === DataLocation.EXTERNAL)
      throw contradiction(name, 'its data is not in the file');
  const { data, elementType } = readTensor(values!);
  const places = readTensor(indices!);
  const count = countElements(dims);
  const dense = new (data.constructor as new (length: number) => typeof data)(count);
  const isLinear = places.dims.length === 1;
  const rank = isLinear ? 1 : dims.length;
  if (places.data.length !== data.length * rank)
    throw contradiction(name, `${data.length} values have ${places.data.length} indices`);
  for (let i = 0; i < data.length; i++) {
    const own = places.data.slice(i * rank, (i + 1) * rank);
    const at = isLinear ? Number(own[0]) : linearise(Array.from(own, Number), dims);
    if (!(at >= 0 && at < count)) throw contradiction(name, `an index is outside of [${dims.join(', ')}]`);
    dense[at] = data[i]!;
  }
  return createTensor(name, elementType, dims, dense);
}

/** NaN where an index is outside of its dimension. */
function linearise(index: readonly number[], dims: readonly number[]): number {
  return index.reduce((sum, i, axis) => (i >= 0 && i < dims[axis]! ? sum * dims[axis]! + i : Number.NaN), 0);
}

function contradiction(name: string, what: string): QfleetError {
  return new QfleetError('refused', `Sparse tensor "${name}" cannot be read: ${what}.`, {
    hint: 'The model file is damaged: export or download it again, or export it without sparse tensors.',
  });
}

function tooLarge(name: string, dims: readonly number[]): QfleetError {
  return new QfleetError(
    'resource-exhausted',
    `Sparse tensor "${name}" [${dims.join(', ')}] would exceed 2 GiB as the dense one that runtimes make of it.`,
    { hint: 'Take a smaller model.' },
  );
}

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { create } from '@bufbuild/protobuf';
import { type ModelProto, ValueInfoProtoSchema } from '../../gen/onnx/onnx_pb.js';
import { makeTempFolder } from '../files/make-temp-folder.ts';
import { OrtChild, type OrtChildOptions } from '../ort/ort-child.ts';
import { copyModel } from './copy-model.ts';
import { findElementType } from './element-type.ts';
import { writeModel } from './write-model.ts';

export interface TensorType {
  readonly elementType: string;
  /** Symbolic dimensions by name, unknown ones as `?`; empty where even the rank is unknown. */
  readonly shape: readonly (number | string)[];
}

/**
 * Element type and shape of every tensor of the main graph, initialisers included, as ONNX Runtime infers
 * them: all node outputs are declared graph outputs without a type, and a session in a child process tells what
 * they are. Its `basic` optimisation cannot fuse what is an output, but folds the shape arithmetic that
 * exporters write. A symbolic first dimension of an input counts as batch 1. Errors as
 * `checkModel`.
 */
export async function inferShapes(
  model: ModelProto,
  options: OrtChildOptions = {},
): Promise<Map<string, TensorType>> {
  await using folder = await makeTempFolder('shapes', options.tempDir);
  const path = join(folder.path, 'model.onnx');
  await writeFile(path, writeModel(exposeTensors(model)));
  await using child = OrtChild.take(options);
  const { inputs, outputs } = await child.open({ path, optimisation: 'basic', threads: 1 });
  const types = new Map<string, TensorType>();
  for (const tensor of model.graph!.initializer) {
    const elementType = findElementType(tensor.dataType)?.name ?? '';
    types.set(tensor.name, { elementType, shape: tensor.dims.map(Number) });
  }
  for (const value of [...inputs, ...outputs]) {
    if (value.isTensor) types.set(value.name, { elementType: value.elementType, shape: value.shape });
  }
  return types;
}

/** The product of a shape's dimensions; undefined where one is unknown. */
export function elementCount(shape: readonly (number | string)[]): number | undefined {
  let count = 1;
  for (const size of shape) {
    if (typeof size !== 'number') return undefined;
    count *= size;
  }
  return count;
}

function exposeTensors(model: ModelProto): ModelProto {
  const copy = copyModel(model);
  const graph = copy.graph!;
  const declared = new Set(graph.output.map((output) => output.name));
  const names = graph.node
    .flatMap((node) => node.output)
    .filter((name) => name !== '' && !declared.has(name));
  for (const name of new Set(names)) graph.output.push(create(ValueInfoProtoSchema, { name }));
  graph.valueInfo = [];
  fixBatch(copy);
  return copy;
}

function fixBatch(model: ModelProto): void {
  const graph = model.graph!;
  const dims = graph.input.map((input) => {
    const type = input.type?.value;
    return type?.case === 'tensorType' ? (type.value.shape?.dim ?? []) : [];
  });
  const symbols = new Set(dims.map(([first]) => (first?.value.case === 'dimParam' ? first.value.value : '')));
  for (const [position, dim] of dims.flatMap((list) => [...list.entries()])) {
    const isBatch =
      dim.value.case === 'dimParam'
        ? symbols.has(dim.value.value)
        : dim.value.case === undefined && position === 0;
    if (isBatch) dim.value = { case: 'dimValue', value: 1n };
  }
  // Declared output shapes would contradict the fixed batch; ONNX Runtime finds them anew.
  for (const output of graph.output) {
    if (output.type?.value.case === 'tensorType') delete output.type.value.value.shape;
  }
}

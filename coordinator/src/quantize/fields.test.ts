import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { create } from '@bufbuild/protobuf';
import {
  type AttributeProto,
  AttributeProtoSchema,
  AttributeProto_AttributeType as AttributeType,
  FunctionProtoSchema,
  type ModelProto,
  OperatorSetIdProtoSchema,
  type SparseTensorProto,
  SparseTensorProtoSchema,
  TrainingInfoProtoSchema,
  ValueInfoProtoSchema,
} from '../../gen/onnx/onnx_pb.js';
import { buildModel, buildNode } from '../onnx/fixtures/build-model.ts';
import { readModel } from '../onnx/read-model.ts';
import { createTensor, readFloats } from '../onnx/tensor.ts';
import { writeModel } from '../onnx/write-model.ts';
import { quantizeNet, randomItems, readParsed } from './fixtures/quantize-net.ts';
import { randomWeights } from './rewrite/fixtures/random-tensor.ts';

const size = 8;
const values = Float32Array.of(0.5, -1, 2, 0.75, -0.25, 1.5, 1);
const places = [1, 9, 20, 33, 40, 50, 63];

/** Seven values of a matrix [8, 8], by their place in all or by row and column. */
function sparse(name: string, form: 'linear' | 'rows'): SparseTensorProto {
  const rows = places.flatMap((place) => [Math.floor(place / size), place % size]);
  const [indices, dims] = form === 'linear' ? [places, [7]] : [rows, [7, 2]];
  return create(SparseTensorProtoSchema, {
    values: createTensor(name, 'float32', [7], values),
    indices: createTensor(`${name}_indices`, 'int64', dims, BigInt64Array.from(indices, BigInt)),
    dims: [BigInt(size), BigInt(size)],
  });
}

const attribute = (name: string, type: AttributeType, more: Partial<AttributeProto>): AttributeProto =>
  create(AttributeProtoSchema, { name, type, ...more } as Parameters<
    typeof create<typeof AttributeProtoSchema>
  >[1]);

/** Every way in which a file can hold constants and operators that is not an initialiser and a node of the main graph. */
function unusualNet(): ModelProto {
  const block = buildNode('Block', ['h2', 'w3'], ['h3']);
  block.domain = 'mine';
  const model = buildModel({
    opset: 17,
    inputs: { x: [1, size], w3: [size, size] },
    outputs: { y: [1, size] },
    initialisers: [randomWeights('w3', [size, size])],
    nodes: [
      buildNode('MatMul', ['x', 'w1'], ['h1']),
      buildNode(
        'Constant',
        [],
        ['w2'],
        [attribute('sparse_value', AttributeType.SPARSE_TENSOR, { sparseTensor: sparse('', 'rows') })],
      ),
      buildNode('MatMul', ['h1', 'w2'], ['h2']),
      block,
      buildNode(
        'Constant',
        [],
        ['row'],
        [
          attribute('value_floats', AttributeType.FLOATS, {
            floats: Array.from({ length: size }, (_, i) => i / size),
          }),
        ],
      ),
      buildNode('Add', ['h3', 'row'], ['y']),
    ],
  });
  model.graph!.sparseInitializer.push(sparse('w1', 'linear'));
  const opsetImport = [create(OperatorSetIdProtoSchema, { domain: '', version: 17n })];
  model.opsetImport.push(create(OperatorSetIdProtoSchema, { domain: 'mine', version: 1n }));
  model.functions.push(
    create(FunctionProtoSchema, {
      name: 'Block',
      domain: 'mine',
      input: ['a', 'b'],
      output: ['c'],
      node: [buildNode('MatMul', ['a', 'b'], ['t']), buildNode('Relu', ['t'], ['c'])],
      opsetImport,
    }),
  );
  model.trainingInfo.push(
    create(TrainingInfoProtoSchema, {
      algorithm: {
        name: 'step',
        node: [buildNode('Identity', ['w3'], ['w3_next'])],
        output: [create(ValueInfoProtoSchema, { name: 'w3_next' })],
      },
      updateBinding: [{ key: 'w3', value: 'w3_next' }],
    }),
  );
  return model;
}

describe('what a file may hold in fields that few exporters use', () => {
  let folder = '';
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'qfleet-test-'));
  });
  after(async () => rm(folder, { recursive: true }));

  it('is quantized like the usual: sparse weights, Constants, functions, overridable weights, training', async () => {
    const recipes = ['fp32', 'fp16', 'int8-min-max', 'int8-dyn', 'int4-wo'];
    const made = await quantizeNet(folder, unusualNet(), recipes, { items: randomItems([size], 8) });
    assert.deepEqual(made.refused, []);
    for (const { recipe, record, path } of made.variants) {
      const least = recipe === 'int4-wo' ? 8 : 25;
      assert.ok((record.outputSqnrDb ?? 200) > least, `${recipe}: ${record.outputSqnrDb} dB`);
      if (recipe !== 'fp32')
        assert.equal(
          (record.quantizedOperators['MatMul'] ?? 0) + (record.quantizedOperators['Gemm'] ?? 0),
          3,
          recipe,
        );
      const { graph, functions, trainingInfo } = await readParsed(path);
      assert.deepEqual(
        [graph!.sparseInitializer.length, functions.length, trainingInfo.length, graph!.input.length],
        [0, 0, 0, 1],
      );
    }
  });

  it('is refused where it contradicts itself', async () => {
    const path = join(folder, 'model.onnx');
    const read = async (change: (tensor: SparseTensorProto) => void): Promise<Float32Array> => {
      const model = unusualNet();
      change(model.graph!.sparseInitializer[0]!);
      await writeFile(path, writeModel(model));
      const { graph } = (await readModel(path)).model;
      return readFloats(graph!.initializer.find(({ name }) => name === 'w1')!);
    };
    const dense = new Float32Array(size * size);
    for (const [i, place] of places.entries()) dense[place] = values[i]!;
    assert.deepEqual(await read(() => undefined), dense);
    const outside = read(({ dims }) => dims.fill(7n));
    await assert.rejects(outside, { code: 'refused', message: /"w1".*outside of \[7, 7\]/ });
    const negative = read(({ dims }) => dims.fill(-1n));
    await assert.rejects(negative, { code: 'refused', message: /"w1".*impossible/ });
    const huge = read(({ dims }) => dims.fill(2n ** 20n));
    await assert.rejects(huge, { code: 'resource-exhausted', message: /"w1"/ });
  });
});

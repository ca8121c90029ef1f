import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { clone } from '@bufbuild/protobuf';
import { type ModelProto, ModelProtoSchema, type NodeProto } from '../../gen/onnx/onnx_pb.js';
import { intAttribute, intsAttribute } from '../onnx/attribute.ts';
import { buildModel, buildNode } from '../onnx/fixtures/build-model.ts';
import { inferShapes } from '../onnx/shapes.ts';
import { createTensor } from '../onnx/tensor.ts';
import { restoreGlobalPooling } from './restore-global-pooling.ts';
import { randomValues } from './rewrite/fixtures/random-tensor.ts';
import { floats, runModels } from './rewrite/fixtures/run-model.ts';

interface Mean {
  readonly opset?: number;
  readonly shape?: readonly (number | string)[];
  readonly axes?: readonly number[];
  readonly keepdims?: number;
}

/** One ReduceMean, its axes an attribute until opset 17, an input from 18 on; without axes over everything. */
function meanOf({ opset = 13, shape = [1, 3, 4, 5], axes, keepdims }: Mean): ModelProto {
  const isInput = opset >= 18 && axes !== undefined;
  const attributes = [
    ...(keepdims === undefined ? [] : [intAttribute('keepdims', keepdims)]),
    ...(axes && !isInput ? [intsAttribute('axes', axes)] : []),
  ];
  return buildModel({
    opset,
    inputs: { x: shape },
    outputs: { y: keepdims === 0 ? ['a', 'b'] : shape.map((_, i) => `d${i}`) },
    initialisers: isInput
      ? [createTensor('axes', 'int64', [axes.length], BigInt64Array.from(axes, BigInt))]
      : [],
    nodes: [buildNode('ReduceMean', isInput ? ['x', 'axes'] : ['x'], ['y'], attributes)],
  });
}

/** What it becomes: undefined where it stays as it is. */
async function restore(model: ModelProto): Promise<ModelProto | undefined> {
  const copy = clone(ModelProtoSchema, model);
  const isChanged = restoreGlobalPooling(copy, await inferShapes(model));
  if (!isChanged) assert.deepEqual(copy, model);
  return isChanged ? copy : undefined;
}

const typesOf = (model: ModelProto | undefined): string[] =>
  (model?.graph?.node ?? []).map(({ opType }: NodeProto) => opType);

describe('restoreGlobalPooling', () => {
  const pooled: readonly Mean[] = [
    { axes: [2, 3] },
    { axes: [3, 2] },
    { axes: [-1, -2] },
    { axes: [-2, 3], keepdims: 1 },
    { axes: [2, 3], keepdims: 0 },
    { axes: [-2, -1], keepdims: 0, opset: 18 },
    { axes: [2, 3], opset: 18 },
    { axes: [2], shape: [1, 3, 20], keepdims: 0 },
    { axes: [2, 3, 4], shape: [1, 3, 2, 2, 5] },
    { axes: [2, 3], shape: ['batch', 3, 'height', 'width'] },
  ];
  for (const mean of pooled) {
    it(`writes the same mean as pooling: ${JSON.stringify(mean)}`, async () => {
      const before = meanOf(mean);
      const after = await restore(before);
      assert.deepEqual(
        typesOf(after),
        mean.keepdims === 0 ? ['GlobalAveragePool', 'Flatten'] : ['GlobalAveragePool'],
      );
      const open: Record<string, number> = { batch: 1, height: 4, width: 5 };
      const shape = (mean.shape ?? [1, 3, 4, 5]).map((size) =>
        typeof size === 'number' ? size : open[size]!,
      );
      const x = floats(shape, randomValues(shape));
      const [old, found] = await runModels([before, after!], { x });
      assert.deepEqual(found!['y']!.dims, old!['y']!.dims);
      for (const [i, value] of [...(old!['y']!.data as Float32Array)].entries())
        assert.ok(Math.abs(value - Number(found!['y']!.data[i])) < 1e-6);
    });
  }

  const others: readonly Mean[] = [
    { axes: [2] },
    { axes: [1, 2, 3] },
    { axes: [0, 2, 3] },
    { axes: [1], shape: [1, 3, 20] },
    { axes: [1], shape: [1, 8], keepdims: 0 },
    {},
    { opset: 18 },
  ];
  for (const mean of others)
    it(`leaves another mean as it is: ${JSON.stringify(mean)}`, async () =>
      assert.equal(await restore(meanOf(mean)), undefined));

  for (const [elementType, code] of Object.entries({ int32: 6, float64: 11 })) {
    it(`leaves a mean of ${elementType} as it is, which pooling has no kernel for`, async () => {
      const model = meanOf({ axes: [2, 3] });
      for (const { type } of [...model.graph!.input, ...model.graph!.output])
        if (type?.value.case === 'tensorType') type.value.value.elemType = code;
      assert.equal(await restore(model), undefined);
    });
  }

  it('changes every one of several and nothing beside them', async () => {
    const model = buildModel({
      opset: 13,
      inputs: { x: [1, 3, 4, 5] },
      outputs: { y: [1, 3, 1, 1] },
      nodes: [
        buildNode('Relu', ['x'], ['r']),
        buildNode('ReduceMean', ['r'], ['a'], [intsAttribute('axes', [2, 3])]),
        buildNode('ReduceMean', ['x'], ['b'], [intsAttribute('axes', [2, 3])]),
        buildNode('Add', ['a', 'b'], ['y']),
      ],
    });
    const after = await restore(model);
    assert.deepEqual(typesOf(after), ['Relu', 'GlobalAveragePool', 'GlobalAveragePool', 'Add']);
  });
});

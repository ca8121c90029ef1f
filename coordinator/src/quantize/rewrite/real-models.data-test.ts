import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { QfleetError } from '@qfleet/shared/errors.ts';
import { testDataPath } from '../../../../test/support/test-data.ts';
import type { ModelProto } from '../../../gen/onnx/onnx_pb.js';
import { readModel } from '../../onnx/read-model.ts';
import type { TensorType } from '../../onnx/shapes.ts';
import { walkNodes } from '../../onnx/walk-graph.ts';
import { writeModel } from '../../onnx/write-model.ts';
import type { TensorMessage } from '../../ort/ort-messages.ts';
import type { ConvertedModel } from '../converted-model.ts';
import { quantizeDynamic } from '../dynamic/quantize-dynamic.ts';
import { convertToFloat16 } from '../float16/convert-to-float16.ts';
import { quantizeWeightsInt4 } from '../weight-only/quantize-weights-int4.ts';
import { randomValues } from './fixtures/random-tensor.ts';
import { type Feeds, prepare, runModels, sqnrDb } from './fixtures/run-model.ts';

type Convert = (folded: ModelProto, types: ReadonlyMap<string, TensorType>) => ConvertedModel;

const converters: Readonly<Record<string, Convert>> = {
  float16: convertToFloat16,
  dynamic: quantizeDynamic,
  'dynamic per channel': (folded, types) =>
    quantizeDynamic(folded, types, { granularity: 'per-channel', reduceRange: true }),
  int4: quantizeWeightsInt4,
};

/** Least SQNR of each output against the float model, dB, or what the refusal says. */
type Expectation = number | RegExp;

const noProducts = /^There is nothing to quantize: no MatMul/;
const convolutionsOnly = {
  float16: 30,
  dynamic: noProducts,
  'dynamic per channel': noProducts,
  int4: noProducts,
};
const quantized = /quantized already/;

const expectations: Readonly<Record<string, Readonly<Record<string, Expectation>>>> = {
  'mnist-8': { float16: 50, dynamic: 25, 'dynamic per channel': 25, int4: 15 },
  'mnist-cnn-pytorch': { float16: 50, dynamic: 25, 'dynamic per channel': 25, int4: 10 },
  'squeezenet1.1': convolutionsOnly,
  'mobilenetv2-7': { float16: 35, dynamic: 25, 'dynamic per channel': 25, int4: 10 },
  'mobilenetv2-7-ort-qdq-int8': {
    float16: quantized,
    dynamic: quantized,
    'dynamic per channel': quantized,
    int4: quantized,
  },
  FastestDet: convolutionsOnly,
  'Ultraface_version-RFB-320': convolutionsOnly,
  yunet_n_320_320: convolutionsOnly,
  silero_vad_16k_op15: { float16: 30, dynamic: 20, 'dynamic per channel': 20, int4: noProducts },
};

/** Largest input where it is not 1: this one was trained on pixels as they are. */
const inputScales: Readonly<Record<string, number>> = { yunet_n_320_320: 128 };

/** Inputs of batch 1; "sequence" is silero's number of samples. */
function generateInput(name: string, { elementType, shape }: TensorType, scale: number): TensorMessage {
  if (elementType === 'int64') return { elementType, dims: [], data: BigInt64Array.of(16_000n) };
  const dims = shape.map((size) => (size === 'sequence' ? 576 : Number(size)));
  const data = name === 'state' ? new Float32Array(256) : randomValues(dims, scale);
  return { elementType, dims, data };
}

async function checkConversion(
  convert: Convert,
  input: { folded: ModelProto; types: ReadonlyMap<string, TensorType>; feeds: Feeds },
  leastDb: number,
): Promise<void> {
  const { folded, types, feeds } = input;
  const { model } = convert(folded, types);
  const ends = ({ graph }: ModelProto): unknown => [graph!.input, graph!.output];
  assert.deepEqual(ends(model), ends(folded));
  assert.deepEqual(
    [...walkNodes(model.graph!)].filter(({ node }) => node.name === ''),
    [],
  );
  assert.ok(writeModel(model).length < writeModel(folded).length, 'it should be smaller');
  const [float = {}, other = {}] = await runModels([folded, model], feeds);
  for (const name of Object.keys(float)) {
    const sqnr = sqnrDb(float[name]!, other[name]!);
    assert.ok(sqnr > leastDb, `${name}: ${sqnr} dB`);
  }
}

for (const [name, expected] of Object.entries(expectations)) {
  describe(`converters on ${name}`, () => {
    let input: Parameters<typeof checkConversion>[1];
    before(async () => {
      const { folded, types } = await prepare((await readModel(testDataPath(`models/${name}.onnx`))).model);
      const scale = inputScales[name] ?? 1;
      const feeds = Object.fromEntries(
        folded.graph!.input.map((each) => [
          each.name,
          generateInput(each.name, types.get(each.name)!, scale),
        ]),
      );
      input = { folded, types, feeds };
    });
    for (const [converter, expectation] of Object.entries(expected)) {
      const convert = converters[converter]!;
      if (typeof expectation === 'number') {
        it(`${converter} loads and runs, ${expectation} dB or better`, async () =>
          checkConversion(convert, input, expectation));
      } else {
        it(`${converter} refuses it with the reason`, () => {
          assert.throws(
            () => convert(input.folded, input.types),
            (error: unknown) =>
              error instanceof QfleetError && error.code === 'refused' && expectation.test(error.message),
          );
        });
      }
    }
  });
}

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { QfleetError } from '@qfleet/shared/errors.ts';
import { projectFolder } from '../../../../test/support/project-folder.ts';
import { realModels } from '../../../../test/support/real-models.ts';
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
const inSubgraphs = /^There is nothing to make float16.* inside a subgraph/;
const quantized = /quantized already/;

interface Subject {
  readonly path: string;
  /** Sizes of inputs that the model leaves open, by input. */
  readonly sizes: Readonly<Record<string, readonly number[]>>;
  readonly expected: Readonly<Record<string, Expectation>>;
  /** Its products are smaller than what quantizing them adds to the file. */
  readonly hasTinyProducts?: boolean;
}

const subjects: Readonly<Record<string, Subject>> = {
  'a classifier with one product (PP-OCR)': {
    path: realModels['ocr-classifier'],
    sizes: { x: [1, 3, 48, 192] },
    expected: { float16: 30, dynamic: 20, 'dynamic per channel': 20, int4: 10 },
    hasTinyProducts: true,
  },
  'a detector of convolutions alone (PP-OCR)': {
    path: realModels['ocr-detector'],
    sizes: { x: [1, 3, 64, 64] },
    // Where nothing is written its map is next to 0, so that little noise counts for much.
    expected: { float16: 10, dynamic: noProducts, 'dynamic per channel': noProducts, int4: noProducts },
  },
  'a recogniser with attention (PP-OCR)': {
    path: realModels['ocr-recogniser'],
    sizes: { x: [1, 3, 48, 64] },
    expected: { float16: 20, dynamic: 10, 'dynamic per channel': 10, int4: 5 },
  },
  'a network with state, LSTM and If (silero VAD)': {
    path: realModels['silero-vad'],
    sizes: { input: [1, 576], state: [2, 1, 128] },
    expected: { float16: inSubgraphs, dynamic: 20, 'dynamic per channel': 20, int4: noProducts },
  },
  'a network of PyTorch’s exporter': {
    path: join(projectFolder, 'test/foreign/float32-torchscript.onnx'),
    sizes: { input: [1, 3, 16, 16] },
    expected: { float16: 50, dynamic: 25, 'dynamic per channel': 25, int4: 10 },
    hasTinyProducts: true,
  },
  'a network that is quantized': {
    path: join(projectFolder, 'test/foreign/ort-qdq-u8s8-per-channel.onnx'),
    sizes: { input: [1, 3, 16, 16] },
    expected: { float16: quantized, dynamic: quantized, 'dynamic per channel': quantized, int4: quantized },
  },
};

/** Random inputs; a state begins with zeros, and a whole number is a sampling rate. */
function generateInput(name: string, elementType: string, dims: readonly number[]): TensorMessage {
  if (elementType === 'int64') return { elementType, dims: [], data: BigInt64Array.of(16_000n) };
  const data = name === 'state' ? new Float32Array(256) : randomValues(dims, 1);
  return { elementType, dims, data };
}

interface Input {
  readonly folded: ModelProto;
  readonly types: ReadonlyMap<string, TensorType>;
  readonly feeds: Feeds;
  readonly mayGrow: boolean;
}

async function checkConversion(convert: Convert, input: Input, leastDb: number): Promise<void> {
  const { folded, types, feeds, mayGrow } = input;
  const { model } = convert(folded, types);
  const ends = ({ graph }: ModelProto): unknown => [graph!.input, graph!.output];
  assert.deepEqual(ends(model), ends(folded));
  assert.deepEqual(
    [...walkNodes(model.graph!)].filter(({ node }) => node.name === ''),
    [],
  );
  if (!mayGrow) assert.ok(writeModel(model).length < writeModel(folded).length, 'it should be smaller');
  const [float = {}, other = {}] = await runModels([folded, model], feeds);
  for (const name of Object.keys(float)) {
    const sqnr = sqnrDb(float[name]!, other[name]!);
    assert.ok(sqnr > leastDb, `${name}: ${sqnr} dB`);
  }
}

for (const [what, { path, sizes, expected, hasTinyProducts }] of Object.entries(subjects)) {
  describe(`converters on ${what}`, () => {
    let input: Input;
    before(async () => {
      const { folded, types } = await prepare((await readModel(path)).model);
      const feeds = Object.fromEntries(
        folded.graph!.input.map(({ name }) => [
          name,
          generateInput(name, types.get(name)!.elementType, sizes[name] ?? []),
        ]),
      );
      input = { folded, types, feeds, mayGrow: hasTinyProducts ?? false };
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

// Collects the statistics of a model on inputs as JSON, in as many processes as this one may use processors.
import { readFile } from 'node:fs/promises';
import { parseModel } from '../../onnx/parse-model.ts';
import { inferShapes } from '../../onnx/shapes.ts';
import type { Feeds } from '../../ort/ort-messages.ts';
import { addHistograms, collectExtremes } from './collect-statistics.ts';

const [modelPath = '', requestPath = ''] = process.argv.slice(2);
const request = JSON.parse(await readFile(requestPath, 'utf8')) as {
  readonly tensors: string[];
  readonly input: string;
  readonly dims: number[];
  readonly items: number[][];
};
const model = parseModel(await readFile(modelPath));
async function* inputs(): AsyncGenerator<Feeds> {
  for (const item of request.items)
    yield {
      [request.input]: { elementType: 'float32', dims: request.dims, data: Float32Array.from(item) },
    };
}
const options = { tensors: request.tensors };
const statistics = await collectExtremes(model, inputs, options);
const types = await inferShapes(model);
process.stdout.write(JSON.stringify(await addHistograms(model, inputs, { ...options, statistics, types })));

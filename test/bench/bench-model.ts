import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import { sampleModel } from '../support/glyph-data.ts';
import { testDataPath } from '../support/test-data.ts';

/** The network that launches are timed with. */
export interface BenchModel {
  readonly path: string;
  readonly name: string;
  /** What to know of the choice. */
  readonly note: string;
}

/** MobileNetV2 of the test data, or the project's own sample network where the test data is absent. */
export function findBenchModel(): BenchModel {
  const wanted = testDataPath('models/mobilenetv2-7.onnx');
  if (existsSync(wanted)) return { path: wanted, name: 'mobilenetv2-7.onnx', note: 'mobilenetv2-7.onnx' };
  const name = basename(sampleModel);
  return { path: sampleModel, name, note: `${name}, since mobilenetv2-7.onnx is absent` };
}

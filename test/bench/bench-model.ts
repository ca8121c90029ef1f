import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { dataFolder } from '../../deploy/find-data-folder.ts';
import { sampleModel } from '../support/glyph-data.ts';

/** The network that launches are timed with. */
export interface BenchModel {
  readonly path: string;
  readonly name: string;
  /** What to know of the choice. */
  readonly note: string;
}

/** MobileNetV2 of the test data, or the project's own sample network where the test data is absent. */
export function findBenchModel(): BenchModel {
  const wanted = join(dataFolder, 'models/mobilenetv2-7.onnx');
  if (existsSync(wanted)) return { path: wanted, name: 'mobilenetv2-7.onnx', note: 'mobilenetv2-7.onnx' };
  const name = basename(sampleModel);
  return { path: sampleModel, name, note: `${name}, since mobilenetv2-7.onnx is absent` };
}

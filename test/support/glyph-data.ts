import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { ModelProtoSchema } from '../../coordinator/gen/onnx/onnx_pb.js';
import { writeNpz } from '../../coordinator/src/cli/demo/write-npz.ts';
import { makeGlyphSet } from '../../coordinator/src/sample/make-glyph-set.ts';
import { projectFolder } from './project-folder.ts';

/** The sample network and its input contract, which are part of the project. */
export const sampleModel: string = join(projectFolder, 'coordinator/sample/glyphnet.onnx');
export const sampleContract: string = join(projectFolder, 'coordinator/sample/input-contract.json');
/** Classes of the sample set. */
export const sampleClassCount: number = makeGlyphSet({ seed: 1, count: 1 }).classNames.length;

/** Writes `count` sample images as .npz; `labelOf` may give them other labels than their own. */
export async function writeGlyphs(
  path: string,
  {
    count,
    seed = 77,
    labelOf = (label) => label,
  }: { count: number; seed?: number; labelOf?: (label: number, index: number) => number },
): Promise<void> {
  const set = makeGlyphSet({ seed, count });
  await writeNpz(path, {
    images: { data: set.images, shape: [count, set.height, set.width, set.channels] },
    labels: { data: Uint8Array.from(set.labels, labelOf), shape: [count] },
  });
}

/** The sample network with one weight of its first convolution changed by `change`. */
export function corruptSample(change: (weight: number) => number): Uint8Array {
  const model = fromBinary(ModelProtoSchema, readFileSync(sampleModel));
  const convolution = model.graph?.node.find((node) => node.opType === 'Conv');
  const weights = model.graph?.initializer.find((tensor) => tensor.name === convolution?.input[1]);
  if (!weights?.rawData) throw new Error('the sample has no convolution with raw weights');
  const bytes = Buffer.from(weights.rawData);
  bytes.writeFloatLE(change(bytes.readFloatLE(0)), 0);
  weights.rawData = bytes;
  return toBinary(ModelProtoSchema, model);
}

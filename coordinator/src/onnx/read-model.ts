import { QfleetError } from '@qfleet/shared/errors.ts';
import type { ModelProto } from '../../gen/onnx/onnx_pb.js';
import { openUserFile } from '../files/open-user-file.ts';
import { checkStructure } from './check-structure.ts';
import { embedExternalData } from './embed-external-data.ts';
import { makeDense } from './make-dense.ts';
import { maxModelBytes, parseModel } from './parse-model.ts';
import { writeModel } from './write-model.ts';

export interface ReadModel {
  /** Sparse tensors in it are dense ones. */
  readonly model: ModelProto;
  /** The whole model in one file: the file's own bytes, or with its external data embedded. */
  readonly bytes: Uint8Array;
  /** Tensors whose data lay in other files. */
  readonly embeddedTensors: number;
}

/**
 * Reads a model from disk with limits, before anything loads it. Throws `refused` with the reason for what is
 * no ONNX model or one that cannot run on its own, or has more than 2 GiB, and `not-found`.
 */
export async function readModel(path: string): Promise<ReadModel> {
  const bytes = await readLimited(path);
  const model = parseModel(bytes);
  checkStructure(model);
  makeDense(model);
  const embeddedTensors = await embedExternalData(model, path);
  return { model, bytes: embeddedTensors > 0 ? writeModel(model) : bytes, embeddedTensors };
}

async function readLimited(path: string): Promise<Uint8Array> {
  await using file = await openUserFile(path);
  const { size } = await file.stat();
  if (size > maxModelBytes) {
    throw new QfleetError(
      'refused',
      `The model file has ${(size / 1e9).toFixed(1)} GB; ONNX, being protobuf, ends below 2 GiB.`,
      {
        hint: 'Take a smaller model: one that keeps its weights in other files is limited to 2 GiB as well.',
      },
    );
  }
  return await file.readFile();
}

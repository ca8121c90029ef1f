import { constants } from 'node:fs';
import { type FileHandle, realpath, stat } from 'node:fs/promises';
import { dirname, isAbsolute, relative, resolve, sep } from 'node:path';
import { QfleetError } from '@qfleet/shared/errors.ts';
import {
  TensorProto_DataLocation as DataLocation,
  type ModelProto,
  type TensorProto,
} from '../../gen/onnx/onnx_pb.js';
import { openUserFile } from '../files/open-user-file.ts';
import { elementBytes, findElementType } from './element-type.ts';
import { maxModelBytes } from './parse-model.ts';
import { walkTensors } from './walk-graph.ts';

/**
 * Brings weights that lie in other files into the model itself, so that one file is the whole model; returns
 * how many there were. A path must be relative and stay, links resolved, inside the model's own folder.
 * Throws `refused` for other paths, hard links, missing files and ranges beyond their end, `resource-exhausted` where
 * all of it exceeds 2 GiB.
 */
export async function embedExternalData(model: ModelProto, modelPath: string): Promise<number> {
  const tensors = [...walkTensors(model.graph!)].filter(isExternal);
  const folder = await realpath(dirname(modelPath));
  let total = 0;
  for (const tensor of tensors) {
    const place = locate(tensor);
    await using file = await openInside(folder, place.location, tensor.name);
    const length = place.length ?? expectedBytes(tensor);
    total += length;
    if (total > maxModelBytes) {
      throw new QfleetError('resource-exhausted', 'The model and its external data exceed 2 GiB.', {
        hint: 'ONNX Runtime loads such models only with external data, which qfleet does not ship to boards.',
      });
    }
    tensor.rawData = await readRange(file, { ...place, length }, tensor.name);
    tensor.dataLocation = DataLocation.DEFAULT;
    tensor.externalData = [];
  }
  return tensors.length;
}

const isExternal = (tensor: TensorProto): boolean => tensor.dataLocation === DataLocation.EXTERNAL;

interface Place {
  readonly location: string;
  readonly offset: number;
  readonly length: number | undefined;
}

function locate(tensor: TensorProto): Place {
  const entries = new Map(tensor.externalData.map(({ key, value }) => [key, value]));
  const offset = Number(entries.get('offset') ?? 0);
  const length = entries.has('length') ? Number(entries.get('length')) : undefined;
  const isCount = (value: number): boolean => Number.isSafeInteger(value) && value >= 0;
  const location = entries.get('location') ?? '';
  if (!isCount(offset) || (length !== undefined && length !== expectedBytes(tensor))) {
    throw new QfleetError(
      'refused',
      `External data of tensor "${tensor.name}" has offset ${entries.get('offset')} and length ` +
        `${entries.get('length')}; its dimensions need ${expectedBytes(tensor)} bytes.`,
    );
  }
  if (
    location === '' ||
    isAbsolute(location) ||
    /^[a-z]:|\\|\0/i.test(location) ||
    location.split('/').includes('..')
  ) {
    throw new QfleetError(
      'refused',
      `External data of tensor "${tensor.name}" has the path "${location}"; expected one inside the model's folder.`,
      { hint: 'Save the model again with its data beside it (onnx.save_model with location="NAME.data").' },
    );
  }
  return { location, offset, length };
}

async function openInside(folder: string, location: string, tensorName: string): Promise<FileHandle> {
  const path = resolve(folder, location);
  const real = await realpath(path).catch((cause: unknown) => {
    throw new QfleetError(
      'refused',
      `File "${location}" with the data of tensor "${tensorName}" is missing.`,
      {
        hint: 'Put it beside the .onnx file, under that name.',
        cause,
      },
    );
  });
  const inside = relative(folder, real);
  if (inside.startsWith(`..${sep}`) || inside === '..' || isAbsolute(inside)) {
    throw new QfleetError(
      'refused',
      `External data "${location}" is a link that leads out of the model's folder.`,
      {
        hint: 'Copy the file itself beside the .onnx file.',
      },
    );
  }
  const file = await openUserFile(real, constants.O_NOFOLLOW);
  try {
    await checkOpened(file, real, location);
    return file;
  } catch (thrown) {
    await file.close();
    throw thrown;
  }
}

/**
 * The file that was opened must be the one that was looked at, and have one name: a hard link may bring in any file of
 * that disk, and its content would be shipped to every board as weights.
 */
async function checkOpened(file: FileHandle, real: string, location: string): Promise<void> {
  const { nlink, ino, dev } = await file.stat();
  const found = await stat(real);
  if (found.ino !== ino || found.dev !== dev) {
    throw new QfleetError('refused', `External data "${location}" was replaced while it was read.`);
  }
  if (nlink <= 1) return;
  throw new QfleetError(
    'refused',
    `External data "${location}" is a hard link: the file has ${nlink} names, and one may lie outside of the model's folder.`,
    { hint: `Make it a file of its own: cp "${real}" "${real}.copy" && mv "${real}.copy" "${real}"` },
  );
}

async function readRange(
  file: FileHandle,
  range: { readonly location: string; readonly offset: number; readonly length: number },
  tensorName: string,
): Promise<Uint8Array> {
  const { size } = await file.stat();
  if (range.offset + range.length > size) {
    throw new QfleetError(
      'refused',
      `File "${range.location}" has ${size} bytes; tensor "${tensorName}" wants those up to ${range.offset + range.length}.`,
      { hint: 'The data file is truncated or belongs to another model: download it again.' },
    );
  }
  const bytes = new Uint8Array(range.length);
  let done = 0;
  while (done < range.length) {
    const { bytesRead } = await file.read(bytes, done, range.length - done, range.offset + done);
    if (bytesRead === 0)
      throw new QfleetError('refused', `File "${range.location}" ended while it was read.`);
    done += bytesRead;
  }
  return bytes;
}

function expectedBytes(tensor: TensorProto): number {
  const count = tensor.dims.reduce((product, size) => product * Number(size), 1);
  return elementBytes(findElementType(tensor.dataType)?.name ?? '', count);
}

import { refused } from '../refused.ts';
import type { ArrayHeader } from './array-items.ts';
import { arrayTypeOf } from './array-type.ts';
import type { ByteCursor } from './byte-cursor.ts';

/** `\x93NUMPY`. */
export const npyMagic = Buffer.from([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59]);

const maxHeaderBytes = 65_536;

/**
 * Reads the header of an .npy file, versions 1 to 3 (numpy.lib.format); the cursor then stands at the data.
 * Throws `refused` where it is damaged, in Fortran order, structured, or of an unsupported type.
 */
export async function readNpyHeader(cursor: ByteCursor, what: string): Promise<ArrayHeader> {
  const prefix = await cursor.take(8);
  if (!prefix.subarray(0, 6).equals(npyMagic))
    throw refused(`${what} is no .npy file: it does not start with \\x93NUMPY.`, 'Save it with numpy.save.');
  const sizeBytes =
    prefix[6] === 1 ? (await cursor.take(2)).readUInt16LE(0) : (await cursor.take(4)).readUInt32LE(0);
  if (sizeBytes > maxHeaderBytes)
    throw refused(`${what} announces a header of ${sizeBytes} bytes.`, 'Save it with numpy.save.');
  return parseHeader((await cursor.take(sizeBytes)).toString('latin1'), what);
}

function parseHeader(text: string, what: string): ArrayHeader {
  const descr = /'descr'\s*:\s*'([^']*)'/.exec(text)?.[1];
  const order = /'fortran_order'\s*:\s*(True|False)/.exec(text)?.[1];
  const dimensions = /'shape'\s*:\s*\(([\d\s,L]*)\)/.exec(text)?.[1];
  if (descr === undefined || order === undefined || dimensions === undefined) {
    throw refused(
      `${what} has no plain array header: ${text.trim().slice(0, 120)}`,
      'Save one plain array, without fields, with numpy.save.',
    );
  }
  const shape = dimensions.split(',').flatMap((size) => (size.trim() ? [Number.parseInt(size, 10)] : []));
  if (order === 'True' && shape.length > 1) {
    throw refused(
      `${what} is in Fortran order; expected C order.`,
      'Save it again: numpy.save(path, numpy.ascontiguousarray(x))',
    );
  }
  return { type: arrayTypeOf(descr, what), shape };
}

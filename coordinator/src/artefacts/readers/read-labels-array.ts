import { refused } from '../refused.ts';
import type { ArrayHeader } from './array-items.ts';
import type { ByteCursor } from './byte-cursor.ts';

/** The numbers of a labels array [items] or [items, 1]; whether they are classes is judged later. Throws `refused`. */
export async function readLabelsArray(
  cursor: ByteCursor,
  { type, shape }: ArrayHeader,
  what: string,
  maxItems: number,
): Promise<number[]> {
  const [count = 0, ...rest] = shape;
  if (shape.length === 0 || rest.some((size) => size !== 1) || count > maxItems) {
    throw refused(
      `${what} has shape [${shape.join(', ')}]; expected [items] with one class number each, at most ${maxItems}.`,
      'Save class numbers, not one-hot rows: numpy.argmax(y, axis=1)',
    );
  }
  const bytes = await cursor.take(count * type.sizeBytes);
  await cursor.expectEnd();
  return Array.from({ length: count }, (_, i) => type.read(bytes, i * type.sizeBytes));
}

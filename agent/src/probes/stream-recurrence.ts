/** Values of the three arrays after some iterations; every element of an array has the same. */
export interface StreamValues {
  readonly a: number;
  readonly b: number;
  readonly c: number;
}

/** What the arrays start from, and the scalar, as in `stream.c`. */
export const initialValues: StreamValues = { a: 1, b: 2, c: 0 };
export const streamScalar = 3;

/**
 * The values after `iterations` of copy, scale, add and triad, by which STREAM checks its results:
 * c = a, b = q·c, c = a + b, a = b + q·c.
 */
export function streamValues(iterations: number): StreamValues {
  let { a, b, c } = initialValues;
  for (let i = 0; i < iterations; i++) {
    c = a;
    b = streamScalar * c;
    c = a + b;
    a = b + streamScalar * c;
  }
  return { a, b, c };
}

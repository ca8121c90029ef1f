/** Pillow's resampling filters, by its names in lower case. */
export const imageFilters = ['nearest', 'box', 'bilinear', 'hamming', 'bicubic', 'lanczos'] as const;
export type ImageFilter = (typeof imageFilters)[number];

/** A raw uint8 [height, width, channels] image. */
export interface Pixels {
  readonly bytes: Uint8Array;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

export interface Size {
  readonly height: number;
  readonly width: number;
}

interface Kernel {
  /** Half the width at scale 1, in source pixels. */
  readonly support: number;
  readonly weigh: (x: number) => number;
}

/** Bits after the binary point of a weight: what 32 bits leave beside a byte and two bits for the sum (Pillow, Resample.c). */
const precisionBits = 22;

/**
 * An image in another size, byte for byte as Pillow's `Image.resize` gives it up to version 12 (and so torchvision's
 * `Resize` of a PIL image): horizontally, then vertically, the filter widened by the scale where the image shrinks (antialiased), weights in
 * fixed point, rounded to a byte after each of the two passes. Pillow 13, which sometimes takes the vertical pass
 * first, differs by at most 1 of 255; so does torchvision's `Resize` of a tensor with `antialias=True`. Without
 * antialiasing torchvision, OpenCV and TensorFlow differ by more.
 */
export function resample(image: Pixels, to: Size, filter: ImageFilter): Pixels {
  if (to.width === image.width && to.height === image.height) return image;
  if (filter === 'nearest') return pickNearest(image, to);
  const kernel = kernels[filter];
  const wide = to.width === image.width ? image : resampleRows(image, to.width, kernel);
  return to.height === wide.height ? wide : resampleColumns(wide, to.height, kernel);
}

function pickNearest({ bytes, height, width, channels }: Pixels, to: Size): Pixels {
  const result = new Uint8Array(to.height * to.width * channels);
  const columns = nearestOf(width, to.width);
  let at = 0;
  for (const row of nearestOf(height, to.height)) {
    for (const column of columns) {
      const from = (row * width + column) * channels;
      for (let c = 0; c < channels; c++) result[at++] = bytes[from + c]!;
    }
  }
  return { bytes: result, ...to, channels };
}

/** For each output position the source position that it falls in; positions are summed up, as Pillow does it. */
function nearestOf(from: number, to: number): number[] {
  const scale = from / to;
  let position = scale / 2;
  return Array.from({ length: to }, () => {
    const nearest = Math.floor(position);
    position += scale;
    return nearest;
  });
}

function resampleRows({ bytes, height, width, channels }: Pixels, toWidth: number, kernel: Kernel): Pixels {
  const taps = weighTaps(width, toWidth, kernel);
  const result = new Uint8Array(height * toWidth * channels);
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < toWidth; x++) {
      const first = (y * width + taps.first[x]!) * channels;
      const count = taps.count[x]!;
      const weights = x * taps.most;
      for (let c = 0; c < channels; c++) {
        let sum = 1 << (precisionBits - 1);
        for (let i = 0; i < count; i++) sum += bytes[first + i * channels + c]! * taps.weights[weights + i]!;
        result[at++] = toByte(sum);
      }
    }
  }
  return { bytes: result, height, width: toWidth, channels };
}

function resampleColumns(
  { bytes, height, width, channels }: Pixels,
  toHeight: number,
  kernel: Kernel,
): Pixels {
  const taps = weighTaps(height, toHeight, kernel);
  const rowBytes = width * channels;
  const result = new Uint8Array(toHeight * rowBytes);
  for (let y = 0, at = 0; y < toHeight; y++) {
    const first = taps.first[y]! * rowBytes;
    const count = taps.count[y]!;
    const weights = y * taps.most;
    for (let x = 0; x < rowBytes; x++) {
      let sum = 1 << (precisionBits - 1);
      for (let i = 0; i < count; i++) sum += bytes[first + i * rowBytes + x]! * taps.weights[weights + i]!;
      result[at++] = toByte(sum);
    }
  }
  return { bytes: result, height: toHeight, width, channels };
}

function toByte(sum: number): number {
  const value = sum >> precisionBits;
  return Math.min(Math.max(value, 0), 255);
}

/** For each output position the first source position, how many there are, and their fixed-point weights, `most` apart. */
interface Taps {
  readonly most: number;
  readonly first: Int32Array;
  readonly count: Int32Array;
  readonly weights: Int32Array;
}

function weighTaps(from: number, to: number, kernel: Kernel): Taps {
  const scale = from / to;
  const filterScale = Math.max(scale, 1);
  const support = kernel.support * filterScale;
  const most = Math.ceil(support) * 2 + 1;
  const taps = {
    most,
    first: new Int32Array(to),
    count: new Int32Array(to),
    weights: new Int32Array(to * most),
  };
  for (let x = 0; x < to; x++) {
    const center = (x + 0.5) * scale;
    const first = Math.max(Math.trunc(center - support + 0.5), 0);
    const count = Math.min(Math.trunc(center + support + 0.5), from) - first;
    const raw = Array.from({ length: count }, (_, i) =>
      kernel.weigh((i + first - center + 0.5) / filterScale),
    );
    const total = raw.reduce((sum, weight) => sum + weight, 0);
    taps.first[x] = first;
    taps.count[x] = count;
    raw.forEach((weight, i) => {
      const fixed = (total === 0 ? weight : weight / total) * 2 ** precisionBits;
      taps.weights[x * most + i] = Math.trunc(fixed < 0 ? fixed - 0.5 : fixed + 0.5);
    });
  }
  return taps;
}

const kernels: Record<Exclude<ImageFilter, 'nearest'>, Kernel> = {
  box: { support: 0.5, weigh: (x) => (x > -0.5 && x <= 0.5 ? 1 : 0) },
  bilinear: { support: 1, weigh: (x) => Math.max(1 - Math.abs(x), 0) },
  hamming: { support: 1, weigh: hamming },
  bicubic: { support: 2, weigh: cubic },
  lanczos: { support: 3, weigh: (x) => (x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0) },
};

function hamming(x: number): number {
  if (x === 0) return 1;
  const angle = Math.abs(x) * Math.PI;
  return Math.abs(x) >= 1 ? 0 : (Math.sin(angle) / angle) * (0.54 + 0.46 * Math.cos(angle));
}

/** Keys' cubic convolution with a = -0.5. */
function cubic(value: number): number {
  const a = -0.5;
  const x = Math.abs(value);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
}

function sinc(x: number): number {
  return x === 0 ? 1 : Math.sin(x * Math.PI) / (x * Math.PI);
}

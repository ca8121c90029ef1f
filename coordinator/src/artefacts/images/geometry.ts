import type { ImageFilter, Size } from './resample.ts';

/**
 * How an image is brought to the size of a model's input; the middle is then cut out.
 * A number: the shorter side gets so many pixels, the longer one in proportion (torchvision's `Resize(256)`).
 * `cover`: in proportion, so that the target is just covered. `stretch`: to the target itself, whatever the shape.
 */
export type Resize = 'cover' | 'stretch' | number;

export interface Geometry extends Size {
  readonly resize: Resize;
  readonly filter: ImageFilter;
}

/** Size to which an image is resampled before the crop: the longer side is rounded down, as torchvision does it. */
export function sizeBeforeCrop(image: Size, to: Geometry): Size {
  if (to.resize === 'stretch') return { height: to.height, width: to.width };
  if (to.resize === 'cover') {
    const scale = Math.max(to.height / image.height, to.width / image.width);
    // The side that decides is exact; the other may not fall short by rounding.
    return {
      height: Math.max(Math.floor(image.height * scale), to.height),
      width: Math.max(Math.floor(image.width * scale), to.width),
    };
  }
  const shorter = Math.min(image.height, image.width);
  const scaled = (side: number): number =>
    side === shorter ? (to.resize as number) : Math.floor((to.resize as number) * (side / shorter));
  return { height: scaled(image.height), width: scaled(image.width) };
}

/** The geometry in words that identify the method, as a derived dataset keeps them. */
export function describeGeometry({ height, width, resize, filter }: Geometry): string {
  if (height === 0 || width === 0) return `${width || 'any width'} x ${height || 'any height'}`;
  const crop = `${width}x${height}`;
  const how = {
    stretch: `resize ${crop}`,
    cover: `resize to cover ${crop}, centre crop`,
  };
  const sized =
    typeof resize === 'number' ? `resize shorter side ${resize}, centre crop ${crop}` : how[resize];
  return `${sized}, ${filter} (Pillow)`;
}

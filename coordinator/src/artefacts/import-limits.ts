/** Bounds on what an import takes, so that a hostile or mistaken file cannot fill memory or disk. */
export interface ImportLimits {
  readonly maxItems: number;
  /** One item, packed or decoded. */
  readonly maxItemBytes: number;
  /** All items together, decoded; what an archive may unpack to. */
  readonly maxTotalBytes: number;
  /** One image. */
  readonly maxPixels: number;
}

export const defaultImportLimits: ImportLimits = {
  maxItems: 5_000_000,
  maxItemBytes: 256 * 2 ** 20,
  maxTotalBytes: 64 * 2 ** 30,
  maxPixels: 64 * 2 ** 20,
};

import type { ImportLimits } from '../import-limits.ts';
import type { SourceFacts } from './sniff-source.ts';

/** One item of a dataset as a reader hands it out, raw. */
export interface RawItem {
  /** Row-major, little-endian. */
  readonly bytes: Uint8Array;
  readonly elementType: string;
  /** Images: [height, width, channels]. */
  readonly shape: readonly number[];
  readonly channels: 'RGB' | 'gray' | '';
  /** Of an image that was not resized: the file that it was decoded from. */
  readonly file?: Uint8Array;
  /** Class number, or class name; absent where there is none. */
  readonly label?: number | string;
  /** Name of the folder that an image lies in, `` for the top one; a class if there are several. */
  readonly classFolder?: string;
  /** For error messages: a path in an archive, or `item 17`. */
  readonly name: string;
}

export interface ReadOptions {
  readonly limits: ImportLimits;
  /** Images are resized to this, in proportion to cover it, the middle cut out; tensors are refused. */
  readonly resize?: { readonly width: number; readonly height: number };
  /** Path of a CSV file with `file,label` rows; for images only. */
  readonly labelsCsv?: string;
  /** Images decoded at the same time. */
  readonly parallelism: number;
  /** Takes one sentence about something the operator should know. */
  readonly note: (text: string) => void;
}

export interface OpenedDataset {
  /** Format and file names, without folders; part of the dataset's identity. */
  readonly source: string;
  /** Undefined where only reading to the end tells. */
  readonly expectedCount: number | undefined;
  /** Items in the order of the source, one pass; throws `refused` with the item's name. */
  readonly items: AsyncIterable<RawItem>;
}

/** One format of datasets. */
export interface DatasetReader {
  readonly id: string;
  /** What it takes, for the list of what is supported. */
  readonly describes: string;
  accepts(source: SourceFacts): boolean;
  open(source: SourceFacts, options: ReadOptions): Promise<OpenedDataset>;
}

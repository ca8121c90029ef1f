import { CsvError, parse } from 'csv-parse/sync';
import { readUserFile } from '../../files/open-user-file.ts';
import { refused } from '../refused.ts';

/** Labels by file, as a CSV file gives them. */
export interface LabelTable {
  /** Label of a file in a dataset, by its path, an ending of it, or either without the extension; throws `refused` where the file has none, or shares its row. */
  labelOf(path: string): string;
  /** Rows that no file used, the header aside. */
  unusedRows(): number;
}

/** One row: a file and its label, as they are written. */
export type LabelRow = readonly [file: string, label: string];

const maxCsvBytes = 256 * 2 ** 20;
/** ImageNet has 1.3 million images; a row takes some 500 bytes in memory. */
const maxRows = 2_000_000;
/** Paths are shorter. */
const maxRowBytes = 65_536;

/** Headers, letters and digits only, in lower case; where a file has several, the first in these lists counts. */
const fileColumns = ['filepath', 'imagepath', 'imgpath', 'path', 'filename', 'file', 'imagename', 'imgname'];
const otherFileColumns = ['image', 'img', 'imageid', 'imgid', 'name', 'id', 'key', 'sample', 'photo', 'uri'];
const labelColumns = ['label', 'labels', 'labelid', 'classid', 'classindex', 'classidx', 'class', 'target'];
const otherLabelColumns = [
  'y',
  'category',
  'categoryid',
  'groundtruth',
  'gt',
  'classname',
  'labelname',
  'wnid',
];

/**
 * Reads `file,label` rows (RFC 4180; comma, semicolon or tab). A first row of known column names is the header
 * and says which columns are meant; without one there must be two columns. Throws `refused`.
 */
export async function readLabelTable(path: string): Promise<LabelTable> {
  const bytes = await readUserFile(path, maxCsvBytes);
  checkRows(bytes, path);
  return createLabelTable(parseRows(bytes.toString('utf8')));
}

/** Before anything is parsed, which takes a hundred times a row's bytes. */
function checkRows(bytes: Buffer, path: string): void {
  let rows = 0;
  for (let start = 0; start < bytes.length; rows++) {
    const end = bytes.indexOf(10, start);
    const next = end < 0 ? bytes.length : end + 1;
    if (rows === maxRows) throw refused(`${path} has more than ${maxRows} rows.`, 'Is that the labels file?');
    if (next - start > maxRowBytes) {
      throw refused(`Line ${rows + 1} of ${path} has ${next - start} bytes.`, 'Is that the labels file?');
    }
    start = next;
  }
}

/** The table of rows; throws `refused` where a file is named twice. */
export function createLabelTable(rows: readonly LabelRow[]): LabelTable {
  const labels = new Map<string, string>();
  for (const [file, label] of rows) {
    const key = normalisePath(file);
    if (labels.has(key)) throw refused(`The labels file names ${key} twice.`, 'Keep one row for each image.');
    labels.set(key, label);
  }
  const usedBy = new Map<string, string>();
  return {
    labelOf: (path) => {
      const key = endings(path).find((ending) => labels.has(ending));
      if (key === undefined)
        throw refused(
          `The labels file has no row for ${path}.`,
          'Add the row `file,label`, or remove the image.',
        );
      const other = usedBy.get(key);
      if (other !== undefined && other !== path) {
        throw refused(
          `Row ${key} of the labels file fits both ${other} and ${path}.`,
          'Write longer paths in the labels file.',
        );
      }
      usedBy.set(key, path);
      return labels.get(key)!;
    },
    unusedRows: () => labels.size - usedBy.size - (isUnusedHeader(rows, usedBy) ? 1 : 0),
  };
}

/** A first row that names no image and whose label is a word where all others are numbers: a header of unknown names. */
function isUnusedHeader(rows: readonly LabelRow[], usedBy: ReadonlyMap<string, string>): boolean {
  const [first, ...others] = rows;
  if (!first || usedBy.has(normalisePath(first[0]))) return false;
  const isNumber = ([, label]: LabelRow): boolean => Number.isFinite(Number(label));
  return !isNumber(first) && others.every(isNumber);
}

function normalisePath(file: string): string {
  return file.replaceAll('\\', '/').replace(/^(\.\/)+/, '');
}

/** `a/b/c.png` → itself, `b/c.png`, `c.png`, then the same without `.png`. */
function endings(path: string): string[] {
  const parts = path.split('/');
  const all = parts.map((_, i) => parts.slice(i).join('/'));
  return [...all, ...all.map((ending) => ending.replace(/\.[^./]+$/, ''))];
}

function parseRows(text: string): LabelRow[] {
  const lines = parseLines(text);
  const [header] = lines;
  if (!header) throw refused('The labels file is empty.', 'Write one row `file,label` for each image.');
  const columns = findColumns(header.record);
  const { file, label } = columns ?? { file: 0, label: 1 };
  return (columns ? lines.slice(1) : lines).map(({ record, line }): LabelRow => {
    const row: LabelRow = [record[file]?.trim() ?? '', record[label]?.trim() ?? ''];
    if (row[0] !== '' && row[1] !== '' && (columns || record.length === 2)) return row;
    throw refused(
      `Line ${line} of the labels file is no \`file,label\`: ${record.join(',').slice(0, 80)}`,
      columns
        ? 'Give every row a file and a label.'
        : 'Write one file and one label on each line, or name the columns in the first one: file,label',
    );
  });
}

interface ParsedLine {
  readonly record: readonly string[];
  /** Number of the line in the file, from 1. */
  readonly line: number;
}

function parseLines(text: string): ParsedLine[] {
  try {
    const parsed = parse(text, {
      bom: true,
      delimiter: delimiterOf(text),
      info: true,
      relax_column_count: true,
      relax_quotes: true,
      skip_empty_lines: true,
    }) as unknown as { record: string[]; info: { lines: number } }[];
    return parsed.map(({ record, info }) => ({ record, line: info.lines }));
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    throw refused(
      `The labels file is no CSV: ${error.message}`,
      'Check the quotation marks in that line.',
      error,
    );
  }
}

/** The first line decides: a comma where there is one, else a semicolon or a tab. */
function delimiterOf(text: string): string {
  const [first = ''] = text.split('\n', 1);
  return [',', ';', '\t'].find((delimiter) => first.includes(delimiter)) ?? ',';
}

/** Columns of the file and of the label where the row is a header of known names, neither of which is a number or a file. */
function findColumns(row: readonly string[]): { readonly file: number; readonly label: number } | undefined {
  const names = row.map((cell) => cell.toLowerCase().replaceAll(/[^a-z0-9]/g, ''));
  const indexOf = (known: readonly string[]): number => {
    const name = known.find((candidate) => names.includes(candidate));
    return name === undefined ? -1 : names.indexOf(name);
  };
  const file = indexOf([...fileColumns, ...otherFileColumns]);
  const label = indexOf([...labelColumns, ...otherLabelColumns]);
  return file >= 0 && label >= 0 && file !== label ? { file, label } : undefined;
}

import { parquetWriteBuffer } from 'hyparquet-writer';
import type { Report } from './report.ts';
import { type ReportRow, reportColumns, reportRows } from './report-rows.ts';

const numeric: readonly (keyof ReportRow)[] = ['value', 'low_95', 'high_95', 'n'];

/** The report in long form as Parquet: the rows and columns of the CSV, numbers as doubles, what is missing as null. */
export function formatParquet(report: Report): Uint8Array {
  const rows = reportRows(report);
  const columnData = reportColumns.map((name) => ({
    name,
    data: rows.map((row) => row[name] ?? null),
    type: numeric.includes(name) ? ('DOUBLE' as const) : ('STRING' as const),
    nullable: true,
  }));
  return new Uint8Array(parquetWriteBuffer({ columnData }));
}

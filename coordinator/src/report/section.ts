/** A table whose cells are finished text; numbers are right-aligned. */
export interface SectionTable {
  readonly columns: readonly { readonly title: string; readonly numeric: boolean }[];
  readonly rows: readonly (readonly string[])[];
}

/** One part of the report, the same in every format that people read. */
export interface Section {
  readonly id: string;
  readonly title: string;
  /** What the table shows and how to read it, one or two sentences. */
  readonly lead: string;
  readonly table: SectionTable;
  /** Left out on the terminal. */
  readonly isDetail?: boolean;
}

/** JSON text of one of our own columns, as the type it was written from; undefined for null. */
export function parseJson<T>(text: string): T;
export function parseJson<T>(text: string | null): T | undefined;
export function parseJson<T>(text: string | null): T | undefined {
  return text === null ? undefined : (JSON.parse(text) as T);
}

/** A nullable number column, undefined for null; PostgreSQL's driver returns 64-bit integers as strings. */
export function parseNumber(value: number | null): number | undefined {
  return value === null ? undefined : Number(value);
}

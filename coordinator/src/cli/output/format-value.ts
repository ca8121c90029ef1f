/** Bytes with three significant figures and a binary-free SI unit: `742 kB`. */
export function formatBytes(sizeBytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  const power = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, sizeBytes)) / 3)));
  const value = sizeBytes / 1000 ** power;
  return `${power === 0 ? value : Number(value.toPrecision(3))} ${units[power]}`;
}

/** Local time to the second, `2026-03-01 14:05:09`; a dash where there is none. */
export function formatTime(atMs: number | undefined): string {
  if (atMs === undefined) return '–';
  const time = new Date(atMs);
  const local = new Date(atMs - time.getTimezoneOffset() * 60_000);
  return local.toISOString().slice(0, 19).replace('T', ' ');
}

/** The first twelve digits of a digest: enough to name it. */
export function shortDigest(digest: string): string {
  return digest.slice(0, 12);
}

/** Bytes of a cache, which come in powers of two: `32 KiB`. */
export function formatCacheBytes(sizeBytes: number): string {
  const power = sizeBytes >= 2 ** 20 ? 2 : sizeBytes >= 2 ** 10 ? 1 : 0;
  return `${Number((sizeBytes / 2 ** (10 * power)).toPrecision(3))} ${['B', 'KiB', 'MiB'][power]}`;
}

/** A number of things in words: `1 job`, `3 jobs`. */
export function countOf(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

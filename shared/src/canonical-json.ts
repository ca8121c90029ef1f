/**
 * JSON with object keys sorted and no white space: equal values give equal bytes, so that a digest of
 * settings, plans or results identifies them. Throws a TypeError on NaN and infinities, which JSON would
 * silently turn into null.
 */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) => {
    if (typeof inner === 'number' && !Number.isFinite(inner))
      throw new TypeError(`Not a finite number: ${inner}`);
    if (inner === null || typeof inner !== 'object' || Array.isArray(inner)) return inner;
    const entries = Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1));
    return Object.fromEntries(entries);
  });
}

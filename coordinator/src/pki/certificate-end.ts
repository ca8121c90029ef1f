const dayMs = 24 * 3_600_000;

/** From so long before its end a certificate is warned of, milliseconds: 30 days. */
export const warnBeforeMs = 30 * dayMs;

/**
 * What is to be said of a certificate that has expired or will within 30 days; undefined where it holds for longer or
 * its end is not known. Both times are milliseconds since 1970.
 */
export function describeCertificateEnd(endsAtMs: number | undefined, nowMs: number): string | undefined {
  if (endsAtMs === undefined || endsAtMs - nowMs > warnBeforeMs) return undefined;
  if (endsAtMs <= nowMs) return `certificate expired on ${dateOf(endsAtMs)} (${days(nowMs - endsAtMs)} ago)`;
  return `certificate ends on ${dateOf(endsAtMs)} (in ${days(endsAtMs - nowMs)})`;
}

/** `2026-11-30`, UTC. */
export function dateOf(atMs: number): string {
  return new Date(atMs).toISOString().slice(0, 10);
}

/** What helps against a certificate that has expired, until devices renew theirs. */
export function renewalHint(name: string): string {
  return `Give it a new identity: ./qfleet device rm ${name}, ./qfleet device add ${name} --out DIR, and copy the folder to the device. Where a date is wrong, set the clock of that machine (timedatectl).`;
}

function days(ms: number): string {
  const count = Math.floor(ms / dayMs);
  return count === 0 ? 'less than a day' : count === 1 ? '1 day' : `${count} days`;
}

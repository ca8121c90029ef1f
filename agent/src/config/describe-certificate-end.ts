const dayMs = 24 * 3_600_000;
const warnBeforeMs = 30 * dayMs;

const remedy =
  'On the coordinator: ./qfleet device rm NAME, ./qfleet device add NAME --out DIR; copy that folder here and restart the agent.';

/**
 * What an agent has to say of its device's certificate: that it has expired, since when and what to do, or that it will
 * within 30 days; undefined where it holds for longer. Both times are milliseconds since 1970, `nowMs` by this device's
 * clock.
 */
export function describeCertificateEnd(endsAtMs: number, nowMs: number): string | undefined {
  const days = Math.floor(Math.abs(endsAtMs - nowMs) / dayMs);
  const end = new Date(endsAtMs).toISOString();
  if (endsAtMs <= nowMs) {
    return `This device's certificate expired on ${end}, ${days} days ago by this device's clock (${new Date(nowMs).toISOString()}): no coordinator accepts it. ${remedy} If this clock is wrong, set it (timedatectl).`;
  }
  if (endsAtMs - nowMs > warnBeforeMs) return undefined;
  return `This device's certificate ends on ${end}, in ${days} days; the device cannot connect from then on. ${remedy}`;
}

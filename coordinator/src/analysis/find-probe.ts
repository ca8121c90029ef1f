import { isSameMachine } from '../plan/same-machine.ts';
import type { RunEvidence } from './evidence.ts';

type Probe = RunEvidence['results'][number];

/**
 * The probe that tells of a device: the run's own first, for a later one of another run must not change this run's
 * report; the device's own before that of another agent on the same machine; of several the latest.
 */
export function findProbe(deviceId: string, { devices, results, run }: RunEvidence): Probe | undefined {
  const device = devices.find(({ id }) => id === deviceId);
  const machine = new Set(
    device ? devices.filter((other) => isSameMachine(other, device)).map(({ id }) => id) : [],
  );
  const rank = (probe: Probe): number =>
    (probe.result.runId === run.id ? 0 : 2) + (probe.deviceId === deviceId ? 0 : 1);
  return results
    .filter(
      ({ result, deviceId: id }) => result.outcome.kind === 'probe' && (id === deviceId || machine.has(id)),
    )
    .toSorted(
      (a, b) =>
        rank(a) - rank(b) ||
        b.result.startedAtUnixMs - a.result.startedAtUnixMs ||
        (a.digest < b.digest ? -1 : 1),
    )[0];
}

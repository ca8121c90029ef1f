import type { Reading } from '@qfleet/shared/reading.ts';
import type { JobResult } from '@qfleet/shared/result/job-result.ts';
import { isSameMachine } from '../plan/same-machine.ts';
import type { RunEvidence } from './evidence.ts';

/** What a device's probe found. */
export interface Probe {
  /** Of its result. */
  readonly digest: string;
  readonly result: JobResult;
  readonly readings: readonly Reading[];
}

/**
 * Per device the probe that tells of it: the run's own first, for a later one of another run must not change this run's
 * report; the device's own before that of another agent on the same machine; of several the latest. A device without
 * any is left out.
 */
export function findProbes({
  devices,
  results,
  run,
}: Pick<RunEvidence, 'devices' | 'results' | 'run'>): ReadonlyMap<string, Probe> {
  const probes = Map.groupBy(
    results.filter(({ result }) => result.outcome.kind === 'probe'),
    ({ deviceId }) => deviceId,
  );
  const byId = new Map(devices.map((device) => [device.id, device]));
  // Agents on one machine share its boot: only those need comparing.
  const byBoot = Map.groupBy(devices, ({ id, bootId }) => bootId || id);
  const found = new Map<string, Probe>();
  for (const id of new Set([...byId.keys(), ...probes.keys()])) {
    const device = byId.get(id);
    const mates = device
      ? (byBoot.get(device.bootId || device.id) ?? []).filter((other) => isSameMachine(other, device))
      : [];
    const candidates = [...new Set([id, ...mates.map((mate) => mate.id)])].flatMap(
      (one) => probes.get(one) ?? [],
    );
    const rank = (probe: (typeof candidates)[number]): number =>
      (probe.result.runId === run.id ? 0 : 2) + (probe.deviceId === id ? 0 : 1);
    const best = candidates.toSorted(
      (a, b) =>
        rank(a) - rank(b) ||
        b.result.startedAtUnixMs - a.result.startedAtUnixMs ||
        (a.digest < b.digest ? -1 : 1),
    )[0];
    if (best?.result.outcome.kind === 'probe') {
      const { digest, result } = best;
      found.set(id, { digest, result, readings: best.result.outcome.facts.readings });
    }
  }
  return found;
}

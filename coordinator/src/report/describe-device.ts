import type { JobResult } from '@qfleet/shared/result/job-result.ts';
import type { RunEvidence } from '../analysis/evidence.ts';
import type { Probe } from '../analysis/find-probes.ts';
import type { DeviceRecord } from '../store/records.ts';
import type { ReportDevice } from './report.ts';

/** A device as the report shows it: what it says of itself, and its latest probe. */
export function describeDevice(
  device: DeviceRecord,
  evidence: RunEvidence,
  probe: Probe | undefined,
): ReportDevice {
  return {
    id: device.id,
    name: device.name,
    ...describeAgent(device, evidence),
    ...(device.inventory && { inventory: device.inventory }),
    backends: device.backends.map(({ id, available, version, reason, capabilities }) => ({
      id,
      available,
      version,
      reason,
      capabilities: { ...capabilities },
    })),
    probe: describeProbe(device, evidence, probe),
  };
}

/** Which agent, since which boot: as the run's last result of the device says, for both may be others by now. */
function describeAgent(
  device: DeviceRecord,
  { results, run }: RunEvidence,
): Pick<ReportDevice, 'agentVersion' | 'bootId'> {
  const own = results.filter(({ deviceId, result }) => deviceId === device.id && result.runId === run.id);
  const last = own.toSorted(
    (a, b) => b.result.startedAtUnixMs - a.result.startedAtUnixMs || (a.digest < b.digest ? -1 : 1),
  )[0];
  const { agentVersion, bootId } = last?.result ?? device;
  return { ...(agentVersion !== undefined && { agentVersion }), ...(bootId !== undefined && { bootId }) };
}

function describeProbe(
  device: DeviceRecord,
  evidence: RunEvidence,
  latest: Probe | undefined,
): ReportDevice['probe'] {
  if (!latest) {
    return { reason: whyNoProbe(device, evidence), readings: [], latencyLadder: [] };
  }
  return {
    resultDigest: latest.digest,
    measuredAtUnixMs: latest.result.startedAtUnixMs,
    readings: [...latest.readings],
    latencyLadder: ladderOf(latest.result),
  };
}

function ladderOf(result: JobResult): ReportDevice['probe']['latencyLadder'] {
  if (result.outcome.kind !== 'probe') return [];
  return result.outcome.facts.latencyLadder.map(({ workingSetBytes, loadNs }) => ({
    workingSetBytes,
    load: {
      quantity: 'mem.latency',
      status: 'measured',
      value: loadNs,
      unit: 'ns',
      method: 'pointer-chase',
    },
  }));
}

function whyNoProbe(device: DeviceRecord, evidence: RunEvidence): string {
  const job = evidence.jobs.find(({ deviceId, kind }) => deviceId === device.id && kind === 'probe');
  if (!job) return 'never-probed: no probe of this device is stored';
  return job.failure ? `job-${job.state}: ${job.failure.class}: ${job.failure.message}` : `job-${job.state}`;
}

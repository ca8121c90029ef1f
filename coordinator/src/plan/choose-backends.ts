import type { DeviceRecord } from '../store/records.ts';
import type { Plan } from './plan.ts';

/**
 * The backends of a plan that a device has to offer, in the plan's order (for `all`: in the device's, without
 * `noop`, which is for those who ask for it). Each one named that it lacks, and each device with none, is noted
 * with the reason that the device gave.
 */
export function chooseBackends(
  wanted: Plan['backends'],
  device: Pick<DeviceRecord, 'name' | 'backends'>,
): { readonly backends: string[]; readonly notes: string[] } {
  if (wanted === 'all') return chooseAll(device);
  const backends: string[] = [];
  const notes: string[] = [];
  for (const id of new Set(wanted)) {
    const offered = device.backends.find((backend) => backend.id === id);
    if (offered?.available) backends.push(id);
    else
      notes.push(`${id} is left out on ${device.name}: ${offered?.reason || 'its agent does not know it'}.`);
  }
  return { backends, notes };
}

function chooseAll(device: Pick<DeviceRecord, 'name' | 'backends'>): { backends: string[]; notes: string[] } {
  const known = device.backends.filter((backend) => backend.id !== 'noop');
  const backends = known.filter((backend) => backend.available).map((backend) => backend.id);
  if (backends.length > 0) return { backends, notes: [] };
  const reasons = known.map((backend) => `${backend.id}: ${backend.reason || 'unavailable'}`);
  const why = reasons.length > 0 ? ` (${reasons.join('; ')})` : '';
  return { backends, notes: [`${device.name} is left out: it has no backend to run variants with${why}.`] };
}

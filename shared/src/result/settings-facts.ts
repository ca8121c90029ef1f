import type { Settings__Output } from '../../gen/qfleet/v1/Settings.ts';
import type { MeasureFacts } from './job-result.ts';

/** A job's settings as its result repeats them; absent ones are the defaults. */
export function settingsFacts(settings: Settings__Output | null): MeasureFacts['settings'] {
  return {
    threads: settings?.threads ?? 0,
    batch: settings?.batch || 1,
    providerOptions: { ...settings?.providerOptions },
    affinity: [...(settings?.affinity ?? [])],
    dimensions: { ...settings?.dimensions },
  };
}

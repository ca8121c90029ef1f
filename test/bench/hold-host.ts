import { lockHost } from '../../agent/src/host/host-lock.ts';
import { readBootId } from '../../agent/src/inventory/read-boot-id.ts';
import type { BenchContext } from './benchmark.ts';

/** Takes the host's measurement lock, as a measure job does, so that no agent here measures meanwhile. */
export async function holdHost({ progress, signal }: BenchContext): Promise<AsyncDisposable> {
  const bootId = process.env['QFLEET_AGENT_LOCK_NAME'] ?? (await readBootId());
  const onWait = (what: string): void => progress(what);
  return lockHost({ bootId, agent: 'bench', onWait, signal });
}

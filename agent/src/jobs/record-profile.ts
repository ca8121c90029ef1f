import { join } from 'node:path';
import type { Digest } from '@qfleet/shared/digest.ts';
import type { ProfileRequest, StageLimits } from '../runner/protocol.ts';
import type { JobContext } from './job-context.ts';

export interface ProfileOrder {
  readonly context: Pick<JobContext, 'startRunner' | 'workFolder' | 'resultBlobs'>;
  readonly affinity: readonly number[];
  /** Of the trace's file in the job's own folder. */
  readonly fileName: string;
  readonly request: Omit<ProfileRequest, 'kind' | 'profilePrefix'>;
  readonly limits: StageLimits;
}

/** Runs a variant in a process of its own under the runtime's profiler; the blob of its trace, undefined where the backend records none. */
export async function recordProfile(order: ProfileOrder): Promise<Digest | undefined> {
  const { context, request } = order;
  await using runner = await context.startRunner(order.affinity);
  const profilePrefix = join(context.workFolder, order.fileName);
  const { path } = await runner.request(
    { ...request, kind: 'profile', profilePrefix },
    { limits: order.limits },
  );
  return path === undefined ? undefined : context.resultBlobs.putFile(path);
}

// Original file: proto/qfleet/v1/agent.proto

import type { Job as _qfleet_v1_Job, Job__Output as _qfleet_v1_Job__Output } from '../../qfleet/v1/Job.ts';

export interface Lease {
  'job'?: (_qfleet_v1_Job | null);
}

export interface Lease__Output {
  'job': (_qfleet_v1_Job__Output | null);
}

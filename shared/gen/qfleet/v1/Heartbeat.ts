// Original file: proto/qfleet/v1/agent.proto

import type { HeldJob as _qfleet_v1_HeldJob, HeldJob__Output as _qfleet_v1_HeldJob__Output } from '../../qfleet/v1/HeldJob.ts';
import type { Long } from '@grpc/proto-loader';

export interface Heartbeat {
  'heldJob'?: (_qfleet_v1_HeldJob | null);
  'spoolBytes'?: (number | string | Long);
  'freeDiskBytes'?: (number | string | Long);
}

export interface Heartbeat__Output {
  'heldJob': (_qfleet_v1_HeldJob__Output | null);
  'spoolBytes': (number);
  'freeDiskBytes': (number);
}

// Original file: proto/qfleet/v1/agent.proto

import type { Welcome as _qfleet_v1_Welcome, Welcome__Output as _qfleet_v1_Welcome__Output } from '../../qfleet/v1/Welcome.ts';
import type { Lease as _qfleet_v1_Lease, Lease__Output as _qfleet_v1_Lease__Output } from '../../qfleet/v1/Lease.ts';
import type { Cancel as _qfleet_v1_Cancel, Cancel__Output as _qfleet_v1_Cancel__Output } from '../../qfleet/v1/Cancel.ts';
import type { HeartbeatAck as _qfleet_v1_HeartbeatAck, HeartbeatAck__Output as _qfleet_v1_HeartbeatAck__Output } from '../../qfleet/v1/HeartbeatAck.ts';

export interface SessionResponse {
  'welcome'?: (_qfleet_v1_Welcome | null);
  'lease'?: (_qfleet_v1_Lease | null);
  'cancel'?: (_qfleet_v1_Cancel | null);
  'heartbeatAck'?: (_qfleet_v1_HeartbeatAck | null);
  'message'?: "welcome"|"lease"|"cancel"|"heartbeatAck";
}

export interface SessionResponse__Output {
  'welcome'?: (_qfleet_v1_Welcome__Output | null);
  'lease'?: (_qfleet_v1_Lease__Output | null);
  'cancel'?: (_qfleet_v1_Cancel__Output | null);
  'heartbeatAck'?: (_qfleet_v1_HeartbeatAck__Output | null);
  'message'?: "welcome"|"lease"|"cancel"|"heartbeatAck";
}

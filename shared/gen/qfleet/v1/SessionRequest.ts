// Original file: proto/qfleet/v1/agent.proto

import type { Hello as _qfleet_v1_Hello, Hello__Output as _qfleet_v1_Hello__Output } from '../../qfleet/v1/Hello.ts';
import type { Heartbeat as _qfleet_v1_Heartbeat, Heartbeat__Output as _qfleet_v1_Heartbeat__Output } from '../../qfleet/v1/Heartbeat.ts';
import type { Progress as _qfleet_v1_Progress, Progress__Output as _qfleet_v1_Progress__Output } from '../../qfleet/v1/Progress.ts';

export interface SessionRequest {
  'hello'?: (_qfleet_v1_Hello | null);
  'heartbeat'?: (_qfleet_v1_Heartbeat | null);
  'progress'?: (_qfleet_v1_Progress | null);
  'message'?: "hello"|"heartbeat"|"progress";
}

export interface SessionRequest__Output {
  'hello'?: (_qfleet_v1_Hello__Output | null);
  'heartbeat'?: (_qfleet_v1_Heartbeat__Output | null);
  'progress'?: (_qfleet_v1_Progress__Output | null);
  'message'?: "hello"|"heartbeat"|"progress";
}

// Original file: proto/qfleet/v1/agent.proto

import type { Long } from '@grpc/proto-loader';

export interface HeartbeatAck {
  'coordinatorTimeUnixMs'?: (number | string | Long);
}

export interface HeartbeatAck__Output {
  'coordinatorTimeUnixMs': (number);
}

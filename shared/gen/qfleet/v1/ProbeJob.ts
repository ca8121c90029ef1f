// Original file: proto/qfleet/v1/agent.proto

import type { Long } from '@grpc/proto-loader';

export interface ProbeJob {
  'maxMemoryBytes'?: (number | string | Long);
}

export interface ProbeJob__Output {
  'maxMemoryBytes': (number);
}

// Original file: proto/qfleet/v1/agent.proto

import type { Long } from '@grpc/proto-loader';

export interface Shard {
  'digest'?: (string);
  'sizeBytes'?: (number | string | Long);
  'firstIndex'?: (number);
  'count'?: (number);
}

export interface Shard__Output {
  'digest': (string);
  'sizeBytes': (number);
  'firstIndex': (number);
  'count': (number);
}

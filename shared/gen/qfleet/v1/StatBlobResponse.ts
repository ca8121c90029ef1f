// Original file: proto/qfleet/v1/agent.proto

import type { Long } from '@grpc/proto-loader';

export interface StatBlobResponse {
  'complete'?: (boolean);
  'receivedBytes'?: (number | string | Long);
}

export interface StatBlobResponse__Output {
  'complete': (boolean);
  'receivedBytes': (number);
}

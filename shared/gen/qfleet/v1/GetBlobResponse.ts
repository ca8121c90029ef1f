// Original file: proto/qfleet/v1/agent.proto

import type { Long } from '@grpc/proto-loader';

export interface GetBlobResponse {
  'offset'?: (number | string | Long);
  'data'?: (Buffer | Uint8Array | string);
  'totalBytes'?: (number | string | Long);
}

export interface GetBlobResponse__Output {
  'offset': (number);
  'data': (Buffer);
  'totalBytes': (number);
}

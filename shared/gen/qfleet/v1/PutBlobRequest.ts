// Original file: proto/qfleet/v1/agent.proto

import type { Long } from '@grpc/proto-loader';

export interface PutBlobRequest {
  'digest'?: (string);
  'totalBytes'?: (number | string | Long);
  'offset'?: (number | string | Long);
  'data'?: (Buffer | Uint8Array | string);
}

export interface PutBlobRequest__Output {
  'digest': (string);
  'totalBytes': (number);
  'offset': (number);
  'data': (Buffer);
}

// Original file: proto/qfleet/v1/agent.proto

import type { Long } from '@grpc/proto-loader';

export interface GetBlobRequest {
  'digest'?: (string);
  'offset'?: (number | string | Long);
}

export interface GetBlobRequest__Output {
  'digest': (string);
  'offset': (number);
}

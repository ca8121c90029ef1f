// Original file: proto/qfleet/v1/agent.proto

import type { Long } from '@grpc/proto-loader';

export interface SubmitResultRequest {
  'resultJson'?: (Buffer | Uint8Array | string);
  'digest'?: (string);
  'signature'?: (Buffer | Uint8Array | string);
  'uploadedBytes'?: (number | string | Long);
}

export interface SubmitResultRequest__Output {
  'resultJson': (Buffer);
  'digest': (string);
  'signature': (Buffer);
  'uploadedBytes': (number);
}

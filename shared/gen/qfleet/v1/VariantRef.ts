// Original file: proto/qfleet/v1/agent.proto

import type { Long } from '@grpc/proto-loader';

export interface VariantRef {
  'digest'?: (string);
  'name'?: (string);
  'sizeBytes'?: (number | string | Long);
}

export interface VariantRef__Output {
  'digest': (string);
  'name': (string);
  'sizeBytes': (number);
}

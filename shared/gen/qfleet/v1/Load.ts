// Original file: proto/qfleet/v1/agent.proto

import type { VariantRef as _qfleet_v1_VariantRef, VariantRef__Output as _qfleet_v1_VariantRef__Output } from '../../qfleet/v1/VariantRef.ts';
import type { Long } from '@grpc/proto-loader';

export interface Load {
  'samplesPerQuery'?: (number);
  'targetRatePerSec'?: (number | string);
  'latencyBoundNs'?: (number | string | Long);
  'percentile'?: (number | string);
  'frameRatePerSec'?: (number | string);
  'scheduleSeed'?: (number);
  'backgroundProcesses'?: (number);
  'companions'?: (_qfleet_v1_VariantRef)[];
}

export interface Load__Output {
  'samplesPerQuery': (number);
  'targetRatePerSec': (number);
  'latencyBoundNs': (number);
  'percentile': (number);
  'frameRatePerSec': (number);
  'scheduleSeed': (number);
  'backgroundProcesses': (number);
  'companions': (_qfleet_v1_VariantRef__Output)[];
}

// Original file: proto/qfleet/v1/agent.proto

import type { BackendInfo as _qfleet_v1_BackendInfo, BackendInfo__Output as _qfleet_v1_BackendInfo__Output } from '../../qfleet/v1/BackendInfo.ts';
import type { HeldJob as _qfleet_v1_HeldJob, HeldJob__Output as _qfleet_v1_HeldJob__Output } from '../../qfleet/v1/HeldJob.ts';
import type { Long } from '@grpc/proto-loader';

export interface Hello {
  'protocolVersion'?: (number);
  'agentVersion'?: (string);
  'bootId'?: (string);
  'agentTimeUnixMs'?: (number | string | Long);
  'inventoryJson'?: (Buffer | Uint8Array | string);
  'backends'?: (_qfleet_v1_BackendInfo)[];
  'heldJobs'?: (_qfleet_v1_HeldJob)[];
  'agentInstanceId'?: (string);
}

export interface Hello__Output {
  'protocolVersion': (number);
  'agentVersion': (string);
  'bootId': (string);
  'agentTimeUnixMs': (number);
  'inventoryJson': (Buffer);
  'backends': (_qfleet_v1_BackendInfo__Output)[];
  'heldJobs': (_qfleet_v1_HeldJob__Output)[];
  'agentInstanceId': (string);
}

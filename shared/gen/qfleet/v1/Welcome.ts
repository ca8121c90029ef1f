// Original file: proto/qfleet/v1/agent.proto

import type { Long } from '@grpc/proto-loader';

export interface Welcome {
  'deviceId'?: (string);
  'deviceName'?: (string);
  'coordinatorVersion'?: (string);
  'heartbeatIntervalMs'?: (number);
  'coordinatorTimeUnixMs'?: (number | string | Long);
  'maxUploadedResultBytes'?: (number | string | Long);
  'notice'?: (string);
}

export interface Welcome__Output {
  'deviceId': (string);
  'deviceName': (string);
  'coordinatorVersion': (string);
  'heartbeatIntervalMs': (number);
  'coordinatorTimeUnixMs': (number);
  'maxUploadedResultBytes': (number);
  'notice': (string);
}

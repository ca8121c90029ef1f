// Original file: proto/qfleet/v1/agent.proto


export interface HeldJob {
  'jobId'?: (string);
  'fence'?: (number);
}

export interface HeldJob__Output {
  'jobId': (string);
  'fence': (number);
}

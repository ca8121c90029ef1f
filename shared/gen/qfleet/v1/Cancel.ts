// Original file: proto/qfleet/v1/agent.proto


export interface Cancel {
  'jobId'?: (string);
  'fence'?: (number);
  'reason'?: (string);
}

export interface Cancel__Output {
  'jobId': (string);
  'fence': (number);
  'reason': (string);
}

// Original file: proto/qfleet/v1/agent.proto


export interface Progress {
  'jobId'?: (string);
  'fence'?: (number);
  'step'?: (string);
  'fraction'?: (number | string);
}

export interface Progress__Output {
  'jobId': (string);
  'fence': (number);
  'step': (string);
  'fraction': (number);
}

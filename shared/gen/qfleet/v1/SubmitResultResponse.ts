// Original file: proto/qfleet/v1/agent.proto


export interface SubmitResultResponse {
  'status'?: (string);
  'detail'?: (string);
}

export interface SubmitResultResponse__Output {
  'status': (string);
  'detail': (string);
}

// Original file: proto/qfleet/v1/agent.proto


export interface StatBlobRequest {
  'digest'?: (string);
}

export interface StatBlobRequest__Output {
  'digest': (string);
}

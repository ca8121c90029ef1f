// Original file: proto/qfleet/v1/agent.proto


export interface PutBlobResponse {
  'existed'?: (boolean);
}

export interface PutBlobResponse__Output {
  'existed': (boolean);
}

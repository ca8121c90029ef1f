// Original file: proto/qfleet/v1/agent.proto


export interface SubmitResultRequest {
  'resultJson'?: (Buffer | Uint8Array | string);
  'digest'?: (string);
  'signature'?: (Buffer | Uint8Array | string);
}

export interface SubmitResultRequest__Output {
  'resultJson': (Buffer);
  'digest': (string);
  'signature': (Buffer);
}

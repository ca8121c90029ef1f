// Original file: proto/qfleet/v1/agent.proto


export interface BackendInfo {
  'id'?: (string);
  'available'?: (boolean);
  'version'?: (string);
  'reason'?: (string);
  'capabilities'?: ({[key: string]: string});
}

export interface BackendInfo__Output {
  'id': (string);
  'available': (boolean);
  'version': (string);
  'reason': (string);
  'capabilities': ({[key: string]: string});
}

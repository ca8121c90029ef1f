// Original file: proto/qfleet/v1/agent.proto


export interface Item {
  'elementType'?: (string);
  'shape'?: (number)[];
}

export interface Item__Output {
  'elementType': (string);
  'shape': (number)[];
}

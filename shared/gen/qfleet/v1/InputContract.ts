// Original file: proto/qfleet/v1/agent.proto


export interface InputContract {
  'layout'?: (string);
  'elementType'?: (string);
  'channels'?: (string);
  'height'?: (number);
  'width'?: (number);
  'scale'?: (number | string);
  'mean'?: (number | string)[];
  'deviation'?: (number | string)[];
  'inputName'?: (string);
}

export interface InputContract__Output {
  'layout': (string);
  'elementType': (string);
  'channels': (string);
  'height': (number);
  'width': (number);
  'scale': (number);
  'mean': (number)[];
  'deviation': (number)[];
  'inputName': (string);
}

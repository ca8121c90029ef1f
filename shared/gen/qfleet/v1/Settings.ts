// Original file: proto/qfleet/v1/agent.proto


export interface Settings {
  'threads'?: (number);
  'batch'?: (number);
  'providerOptions'?: ({[key: string]: string});
  'affinity'?: (number)[];
  'dimensions'?: ({[key: string]: number});
}

export interface Settings__Output {
  'threads': (number);
  'batch': (number);
  'providerOptions': ({[key: string]: string});
  'affinity': (number)[];
  'dimensions': ({[key: string]: number});
}

// Original file: proto/qfleet/v1/agent.proto

import type { InputContract as _qfleet_v1_InputContract, InputContract__Output as _qfleet_v1_InputContract__Output } from '../../qfleet/v1/InputContract.ts';
import type { Item as _qfleet_v1_Item, Item__Output as _qfleet_v1_Item__Output } from '../../qfleet/v1/Item.ts';
import type { Shard as _qfleet_v1_Shard, Shard__Output as _qfleet_v1_Shard__Output } from '../../qfleet/v1/Shard.ts';

export interface Inputs {
  'datasetDigest'?: (string);
  'contract'?: (_qfleet_v1_InputContract | null);
  'item'?: (_qfleet_v1_Item | null);
  'shards'?: (_qfleet_v1_Shard)[];
  'count'?: (number);
  'randomSeed'?: (number);
}

export interface Inputs__Output {
  'datasetDigest': (string);
  'contract': (_qfleet_v1_InputContract__Output | null);
  'item': (_qfleet_v1_Item__Output | null);
  'shards': (_qfleet_v1_Shard__Output)[];
  'count': (number);
  'randomSeed': (number);
}

// Original file: proto/qfleet/v1/agent.proto

import type { VariantRef as _qfleet_v1_VariantRef, VariantRef__Output as _qfleet_v1_VariantRef__Output } from '../../qfleet/v1/VariantRef.ts';
import type { Settings as _qfleet_v1_Settings, Settings__Output as _qfleet_v1_Settings__Output } from '../../qfleet/v1/Settings.ts';
import type { Inputs as _qfleet_v1_Inputs, Inputs__Output as _qfleet_v1_Inputs__Output } from '../../qfleet/v1/Inputs.ts';

export interface EvaluateJob {
  'backend'?: (string);
  'variant'?: (_qfleet_v1_VariantRef | null);
  'settings'?: (_qfleet_v1_Settings | null);
  'inputs'?: (_qfleet_v1_Inputs | null);
  'comparisonCount'?: (number);
  'topK'?: (number);
  'repeatCount'?: (number);
  'profile'?: (boolean);
  'inferenceLimitMs'?: (number);
}

export interface EvaluateJob__Output {
  'backend': (string);
  'variant': (_qfleet_v1_VariantRef__Output | null);
  'settings': (_qfleet_v1_Settings__Output | null);
  'inputs': (_qfleet_v1_Inputs__Output | null);
  'comparisonCount': (number);
  'topK': (number);
  'repeatCount': (number);
  'profile': (boolean);
  'inferenceLimitMs': (number);
}

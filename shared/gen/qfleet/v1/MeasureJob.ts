// Original file: proto/qfleet/v1/agent.proto

import type { VariantRef as _qfleet_v1_VariantRef, VariantRef__Output as _qfleet_v1_VariantRef__Output } from '../../qfleet/v1/VariantRef.ts';
import type { Settings as _qfleet_v1_Settings, Settings__Output as _qfleet_v1_Settings__Output } from '../../qfleet/v1/Settings.ts';
import type { Inputs as _qfleet_v1_Inputs, Inputs__Output as _qfleet_v1_Inputs__Output } from '../../qfleet/v1/Inputs.ts';
import type { Load as _qfleet_v1_Load, Load__Output as _qfleet_v1_Load__Output } from '../../qfleet/v1/Load.ts';

export interface MeasureJob {
  'backend'?: (string);
  'variants'?: (_qfleet_v1_VariantRef)[];
  'scenario'?: (string);
  'settings'?: (_qfleet_v1_Settings | null);
  'inputs'?: (_qfleet_v1_Inputs | null);
  'launchesPerVariant'?: (number);
  'minSamples'?: (number);
  'minDurationMs'?: (number);
  'maxDurationMs'?: (number);
  'maxWarmupSamples'?: (number);
  'seed'?: (number);
  'profile'?: (boolean);
  'load'?: (_qfleet_v1_Load | null);
  'counters'?: (boolean);
  'maxRepeats'?: (number);
  'sustainedMs'?: (number);
  'inferenceLimitMs'?: (number);
}

export interface MeasureJob__Output {
  'backend': (string);
  'variants': (_qfleet_v1_VariantRef__Output)[];
  'scenario': (string);
  'settings': (_qfleet_v1_Settings__Output | null);
  'inputs': (_qfleet_v1_Inputs__Output | null);
  'launchesPerVariant': (number);
  'minSamples': (number);
  'minDurationMs': (number);
  'maxDurationMs': (number);
  'maxWarmupSamples': (number);
  'seed': (number);
  'profile': (boolean);
  'load': (_qfleet_v1_Load__Output | null);
  'counters': (boolean);
  'maxRepeats': (number);
  'sustainedMs': (number);
  'inferenceLimitMs': (number);
}

// Original file: proto/qfleet/v1/agent.proto

import type { ProbeJob as _qfleet_v1_ProbeJob, ProbeJob__Output as _qfleet_v1_ProbeJob__Output } from '../../qfleet/v1/ProbeJob.ts';
import type { MeasureJob as _qfleet_v1_MeasureJob, MeasureJob__Output as _qfleet_v1_MeasureJob__Output } from '../../qfleet/v1/MeasureJob.ts';
import type { EvaluateJob as _qfleet_v1_EvaluateJob, EvaluateJob__Output as _qfleet_v1_EvaluateJob__Output } from '../../qfleet/v1/EvaluateJob.ts';

export interface Job {
  'id'?: (string);
  'runId'?: (string);
  'fence'?: (number);
  'attempt'?: (number);
  'timeLimitMs'?: (number);
  'probe'?: (_qfleet_v1_ProbeJob | null);
  'measure'?: (_qfleet_v1_MeasureJob | null);
  'evaluate'?: (_qfleet_v1_EvaluateJob | null);
  'spec'?: "probe"|"measure"|"evaluate";
}

export interface Job__Output {
  'id': (string);
  'runId': (string);
  'fence': (number);
  'attempt': (number);
  'timeLimitMs': (number);
  'probe'?: (_qfleet_v1_ProbeJob__Output | null);
  'measure'?: (_qfleet_v1_MeasureJob__Output | null);
  'evaluate'?: (_qfleet_v1_EvaluateJob__Output | null);
  'spec'?: "probe"|"measure"|"evaluate";
}

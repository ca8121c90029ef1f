import type * as grpc from '@grpc/grpc-js';
import type { MessageTypeDefinition } from '@grpc/proto-loader';

import type { AgentServiceClient as _qfleet_v1_AgentServiceClient, AgentServiceDefinition as _qfleet_v1_AgentServiceDefinition } from './qfleet/v1/AgentService.ts';
import type { BackendInfo as _qfleet_v1_BackendInfo, BackendInfo__Output as _qfleet_v1_BackendInfo__Output } from './qfleet/v1/BackendInfo.ts';
import type { Cancel as _qfleet_v1_Cancel, Cancel__Output as _qfleet_v1_Cancel__Output } from './qfleet/v1/Cancel.ts';
import type { EvaluateJob as _qfleet_v1_EvaluateJob, EvaluateJob__Output as _qfleet_v1_EvaluateJob__Output } from './qfleet/v1/EvaluateJob.ts';
import type { GetBlobRequest as _qfleet_v1_GetBlobRequest, GetBlobRequest__Output as _qfleet_v1_GetBlobRequest__Output } from './qfleet/v1/GetBlobRequest.ts';
import type { GetBlobResponse as _qfleet_v1_GetBlobResponse, GetBlobResponse__Output as _qfleet_v1_GetBlobResponse__Output } from './qfleet/v1/GetBlobResponse.ts';
import type { Heartbeat as _qfleet_v1_Heartbeat, Heartbeat__Output as _qfleet_v1_Heartbeat__Output } from './qfleet/v1/Heartbeat.ts';
import type { HeartbeatAck as _qfleet_v1_HeartbeatAck, HeartbeatAck__Output as _qfleet_v1_HeartbeatAck__Output } from './qfleet/v1/HeartbeatAck.ts';
import type { HeldJob as _qfleet_v1_HeldJob, HeldJob__Output as _qfleet_v1_HeldJob__Output } from './qfleet/v1/HeldJob.ts';
import type { Hello as _qfleet_v1_Hello, Hello__Output as _qfleet_v1_Hello__Output } from './qfleet/v1/Hello.ts';
import type { InputContract as _qfleet_v1_InputContract, InputContract__Output as _qfleet_v1_InputContract__Output } from './qfleet/v1/InputContract.ts';
import type { Inputs as _qfleet_v1_Inputs, Inputs__Output as _qfleet_v1_Inputs__Output } from './qfleet/v1/Inputs.ts';
import type { Item as _qfleet_v1_Item, Item__Output as _qfleet_v1_Item__Output } from './qfleet/v1/Item.ts';
import type { Job as _qfleet_v1_Job, Job__Output as _qfleet_v1_Job__Output } from './qfleet/v1/Job.ts';
import type { Lease as _qfleet_v1_Lease, Lease__Output as _qfleet_v1_Lease__Output } from './qfleet/v1/Lease.ts';
import type { Load as _qfleet_v1_Load, Load__Output as _qfleet_v1_Load__Output } from './qfleet/v1/Load.ts';
import type { MeasureJob as _qfleet_v1_MeasureJob, MeasureJob__Output as _qfleet_v1_MeasureJob__Output } from './qfleet/v1/MeasureJob.ts';
import type { ProbeJob as _qfleet_v1_ProbeJob, ProbeJob__Output as _qfleet_v1_ProbeJob__Output } from './qfleet/v1/ProbeJob.ts';
import type { Progress as _qfleet_v1_Progress, Progress__Output as _qfleet_v1_Progress__Output } from './qfleet/v1/Progress.ts';
import type { PutBlobRequest as _qfleet_v1_PutBlobRequest, PutBlobRequest__Output as _qfleet_v1_PutBlobRequest__Output } from './qfleet/v1/PutBlobRequest.ts';
import type { PutBlobResponse as _qfleet_v1_PutBlobResponse, PutBlobResponse__Output as _qfleet_v1_PutBlobResponse__Output } from './qfleet/v1/PutBlobResponse.ts';
import type { SessionRequest as _qfleet_v1_SessionRequest, SessionRequest__Output as _qfleet_v1_SessionRequest__Output } from './qfleet/v1/SessionRequest.ts';
import type { SessionResponse as _qfleet_v1_SessionResponse, SessionResponse__Output as _qfleet_v1_SessionResponse__Output } from './qfleet/v1/SessionResponse.ts';
import type { Settings as _qfleet_v1_Settings, Settings__Output as _qfleet_v1_Settings__Output } from './qfleet/v1/Settings.ts';
import type { Shard as _qfleet_v1_Shard, Shard__Output as _qfleet_v1_Shard__Output } from './qfleet/v1/Shard.ts';
import type { StatBlobRequest as _qfleet_v1_StatBlobRequest, StatBlobRequest__Output as _qfleet_v1_StatBlobRequest__Output } from './qfleet/v1/StatBlobRequest.ts';
import type { StatBlobResponse as _qfleet_v1_StatBlobResponse, StatBlobResponse__Output as _qfleet_v1_StatBlobResponse__Output } from './qfleet/v1/StatBlobResponse.ts';
import type { SubmitResultRequest as _qfleet_v1_SubmitResultRequest, SubmitResultRequest__Output as _qfleet_v1_SubmitResultRequest__Output } from './qfleet/v1/SubmitResultRequest.ts';
import type { SubmitResultResponse as _qfleet_v1_SubmitResultResponse, SubmitResultResponse__Output as _qfleet_v1_SubmitResultResponse__Output } from './qfleet/v1/SubmitResultResponse.ts';
import type { VariantRef as _qfleet_v1_VariantRef, VariantRef__Output as _qfleet_v1_VariantRef__Output } from './qfleet/v1/VariantRef.ts';
import type { Welcome as _qfleet_v1_Welcome, Welcome__Output as _qfleet_v1_Welcome__Output } from './qfleet/v1/Welcome.ts';

type SubtypeConstructor<Constructor extends new (...args: any) => any, Subtype> = {
  new(...args: ConstructorParameters<Constructor>): Subtype;
};

export interface ProtoGrpcType {
  qfleet: {
    v1: {
      AgentService: SubtypeConstructor<typeof grpc.Client, _qfleet_v1_AgentServiceClient> & { service: _qfleet_v1_AgentServiceDefinition }
      BackendInfo: MessageTypeDefinition<_qfleet_v1_BackendInfo, _qfleet_v1_BackendInfo__Output>
      Cancel: MessageTypeDefinition<_qfleet_v1_Cancel, _qfleet_v1_Cancel__Output>
      EvaluateJob: MessageTypeDefinition<_qfleet_v1_EvaluateJob, _qfleet_v1_EvaluateJob__Output>
      GetBlobRequest: MessageTypeDefinition<_qfleet_v1_GetBlobRequest, _qfleet_v1_GetBlobRequest__Output>
      GetBlobResponse: MessageTypeDefinition<_qfleet_v1_GetBlobResponse, _qfleet_v1_GetBlobResponse__Output>
      Heartbeat: MessageTypeDefinition<_qfleet_v1_Heartbeat, _qfleet_v1_Heartbeat__Output>
      HeartbeatAck: MessageTypeDefinition<_qfleet_v1_HeartbeatAck, _qfleet_v1_HeartbeatAck__Output>
      HeldJob: MessageTypeDefinition<_qfleet_v1_HeldJob, _qfleet_v1_HeldJob__Output>
      Hello: MessageTypeDefinition<_qfleet_v1_Hello, _qfleet_v1_Hello__Output>
      InputContract: MessageTypeDefinition<_qfleet_v1_InputContract, _qfleet_v1_InputContract__Output>
      Inputs: MessageTypeDefinition<_qfleet_v1_Inputs, _qfleet_v1_Inputs__Output>
      Item: MessageTypeDefinition<_qfleet_v1_Item, _qfleet_v1_Item__Output>
      Job: MessageTypeDefinition<_qfleet_v1_Job, _qfleet_v1_Job__Output>
      Lease: MessageTypeDefinition<_qfleet_v1_Lease, _qfleet_v1_Lease__Output>
      Load: MessageTypeDefinition<_qfleet_v1_Load, _qfleet_v1_Load__Output>
      MeasureJob: MessageTypeDefinition<_qfleet_v1_MeasureJob, _qfleet_v1_MeasureJob__Output>
      ProbeJob: MessageTypeDefinition<_qfleet_v1_ProbeJob, _qfleet_v1_ProbeJob__Output>
      Progress: MessageTypeDefinition<_qfleet_v1_Progress, _qfleet_v1_Progress__Output>
      PutBlobRequest: MessageTypeDefinition<_qfleet_v1_PutBlobRequest, _qfleet_v1_PutBlobRequest__Output>
      PutBlobResponse: MessageTypeDefinition<_qfleet_v1_PutBlobResponse, _qfleet_v1_PutBlobResponse__Output>
      SessionRequest: MessageTypeDefinition<_qfleet_v1_SessionRequest, _qfleet_v1_SessionRequest__Output>
      SessionResponse: MessageTypeDefinition<_qfleet_v1_SessionResponse, _qfleet_v1_SessionResponse__Output>
      Settings: MessageTypeDefinition<_qfleet_v1_Settings, _qfleet_v1_Settings__Output>
      Shard: MessageTypeDefinition<_qfleet_v1_Shard, _qfleet_v1_Shard__Output>
      StatBlobRequest: MessageTypeDefinition<_qfleet_v1_StatBlobRequest, _qfleet_v1_StatBlobRequest__Output>
      StatBlobResponse: MessageTypeDefinition<_qfleet_v1_StatBlobResponse, _qfleet_v1_StatBlobResponse__Output>
      SubmitResultRequest: MessageTypeDefinition<_qfleet_v1_SubmitResultRequest, _qfleet_v1_SubmitResultRequest__Output>
      SubmitResultResponse: MessageTypeDefinition<_qfleet_v1_SubmitResultResponse, _qfleet_v1_SubmitResultResponse__Output>
      VariantRef: MessageTypeDefinition<_qfleet_v1_VariantRef, _qfleet_v1_VariantRef__Output>
      Welcome: MessageTypeDefinition<_qfleet_v1_Welcome, _qfleet_v1_Welcome__Output>
    }
  }
}


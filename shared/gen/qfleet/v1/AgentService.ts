// Original file: proto/qfleet/v1/agent.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { GetBlobRequest as _qfleet_v1_GetBlobRequest, GetBlobRequest__Output as _qfleet_v1_GetBlobRequest__Output } from '../../qfleet/v1/GetBlobRequest.ts';
import type { GetBlobResponse as _qfleet_v1_GetBlobResponse, GetBlobResponse__Output as _qfleet_v1_GetBlobResponse__Output } from '../../qfleet/v1/GetBlobResponse.ts';
import type { PutBlobRequest as _qfleet_v1_PutBlobRequest, PutBlobRequest__Output as _qfleet_v1_PutBlobRequest__Output } from '../../qfleet/v1/PutBlobRequest.ts';
import type { PutBlobResponse as _qfleet_v1_PutBlobResponse, PutBlobResponse__Output as _qfleet_v1_PutBlobResponse__Output } from '../../qfleet/v1/PutBlobResponse.ts';
import type { SessionRequest as _qfleet_v1_SessionRequest, SessionRequest__Output as _qfleet_v1_SessionRequest__Output } from '../../qfleet/v1/SessionRequest.ts';
import type { SessionResponse as _qfleet_v1_SessionResponse, SessionResponse__Output as _qfleet_v1_SessionResponse__Output } from '../../qfleet/v1/SessionResponse.ts';
import type { StatBlobRequest as _qfleet_v1_StatBlobRequest, StatBlobRequest__Output as _qfleet_v1_StatBlobRequest__Output } from '../../qfleet/v1/StatBlobRequest.ts';
import type { StatBlobResponse as _qfleet_v1_StatBlobResponse, StatBlobResponse__Output as _qfleet_v1_StatBlobResponse__Output } from '../../qfleet/v1/StatBlobResponse.ts';
import type { SubmitResultRequest as _qfleet_v1_SubmitResultRequest, SubmitResultRequest__Output as _qfleet_v1_SubmitResultRequest__Output } from '../../qfleet/v1/SubmitResultRequest.ts';
import type { SubmitResultResponse as _qfleet_v1_SubmitResultResponse, SubmitResultResponse__Output as _qfleet_v1_SubmitResultResponse__Output } from '../../qfleet/v1/SubmitResultResponse.ts';

export interface AgentServiceClient extends grpc.Client {
  GetBlob(argument: _qfleet_v1_GetBlobRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_qfleet_v1_GetBlobResponse__Output>;
  GetBlob(argument: _qfleet_v1_GetBlobRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_qfleet_v1_GetBlobResponse__Output>;
  getBlob(argument: _qfleet_v1_GetBlobRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_qfleet_v1_GetBlobResponse__Output>;
  getBlob(argument: _qfleet_v1_GetBlobRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_qfleet_v1_GetBlobResponse__Output>;
  
  PutBlob(metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_qfleet_v1_PutBlobResponse__Output>): grpc.ClientWritableStream<_qfleet_v1_PutBlobRequest>;
  PutBlob(metadata: grpc.Metadata, callback: grpc.requestCallback<_qfleet_v1_PutBlobResponse__Output>): grpc.ClientWritableStream<_qfleet_v1_PutBlobRequest>;
  PutBlob(options: grpc.CallOptions, callback: grpc.requestCallback<_qfleet_v1_PutBlobResponse__Output>): grpc.ClientWritableStream<_qfleet_v1_PutBlobRequest>;
  PutBlob(callback: grpc.requestCallback<_qfleet_v1_PutBlobResponse__Output>): grpc.ClientWritableStream<_qfleet_v1_PutBlobRequest>;
  putBlob(metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_qfleet_v1_PutBlobResponse__Output>): grpc.ClientWritableStream<_qfleet_v1_PutBlobRequest>;
  putBlob(metadata: grpc.Metadata, callback: grpc.requestCallback<_qfleet_v1_PutBlobResponse__Output>): grpc.ClientWritableStream<_qfleet_v1_PutBlobRequest>;
  putBlob(options: grpc.CallOptions, callback: grpc.requestCallback<_qfleet_v1_PutBlobResponse__Output>): grpc.ClientWritableStream<_qfleet_v1_PutBlobRequest>;
  putBlob(callback: grpc.requestCallback<_qfleet_v1_PutBlobResponse__Output>): grpc.ClientWritableStream<_qfleet_v1_PutBlobRequest>;
  
  Session(metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientDuplexStream<_qfleet_v1_SessionRequest, _qfleet_v1_SessionResponse__Output>;
  Session(options?: grpc.CallOptions): grpc.ClientDuplexStream<_qfleet_v1_SessionRequest, _qfleet_v1_SessionResponse__Output>;
  session(metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientDuplexStream<_qfleet_v1_SessionRequest, _qfleet_v1_SessionResponse__Output>;
  session(options?: grpc.CallOptions): grpc.ClientDuplexStream<_qfleet_v1_SessionRequest, _qfleet_v1_SessionResponse__Output>;
  
  StatBlob(argument: _qfleet_v1_StatBlobRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_qfleet_v1_StatBlobResponse__Output>): grpc.ClientUnaryCall;
  StatBlob(argument: _qfleet_v1_StatBlobRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_qfleet_v1_StatBlobResponse__Output>): grpc.ClientUnaryCall;
  StatBlob(argument: _qfleet_v1_StatBlobRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_qfleet_v1_StatBlobResponse__Output>): grpc.ClientUnaryCall;
  StatBlob(argument: _qfleet_v1_StatBlobRequest, callback: grpc.requestCallback<_qfleet_v1_StatBlobResponse__Output>): grpc.ClientUnaryCall;
  statBlob(argument: _qfleet_v1_StatBlobRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_qfleet_v1_StatBlobResponse__Output>): grpc.ClientUnaryCall;
  statBlob(argument: _qfleet_v1_StatBlobRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_qfleet_v1_StatBlobResponse__Output>): grpc.ClientUnaryCall;
  statBlob(argument: _qfleet_v1_StatBlobRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_qfleet_v1_StatBlobResponse__Output>): grpc.ClientUnaryCall;
  statBlob(argument: _qfleet_v1_StatBlobRequest, callback: grpc.requestCallback<_qfleet_v1_StatBlobResponse__Output>): grpc.ClientUnaryCall;
  
  SubmitResult(argument: _qfleet_v1_SubmitResultRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_qfleet_v1_SubmitResultResponse__Output>): grpc.ClientUnaryCall;
  SubmitResult(argument: _qfleet_v1_SubmitResultRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_qfleet_v1_SubmitResultResponse__Output>): grpc.ClientUnaryCall;
  SubmitResult(argument: _qfleet_v1_SubmitResultRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_qfleet_v1_SubmitResultResponse__Output>): grpc.ClientUnaryCall;
  SubmitResult(argument: _qfleet_v1_SubmitResultRequest, callback: grpc.requestCallback<_qfleet_v1_SubmitResultResponse__Output>): grpc.ClientUnaryCall;
  submitResult(argument: _qfleet_v1_SubmitResultRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_qfleet_v1_SubmitResultResponse__Output>): grpc.ClientUnaryCall;
  submitResult(argument: _qfleet_v1_SubmitResultRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_qfleet_v1_SubmitResultResponse__Output>): grpc.ClientUnaryCall;
  submitResult(argument: _qfleet_v1_SubmitResultRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_qfleet_v1_SubmitResultResponse__Output>): grpc.ClientUnaryCall;
  submitResult(argument: _qfleet_v1_SubmitResultRequest, callback: grpc.requestCallback<_qfleet_v1_SubmitResultResponse__Output>): grpc.ClientUnaryCall;
  
}

export interface AgentServiceHandlers extends grpc.UntypedServiceImplementation {
  GetBlob: grpc.handleServerStreamingCall<_qfleet_v1_GetBlobRequest__Output, _qfleet_v1_GetBlobResponse>;
  
  PutBlob: grpc.handleClientStreamingCall<_qfleet_v1_PutBlobRequest__Output, _qfleet_v1_PutBlobResponse>;
  
  Session: grpc.handleBidiStreamingCall<_qfleet_v1_SessionRequest__Output, _qfleet_v1_SessionResponse>;
  
  StatBlob: grpc.handleUnaryCall<_qfleet_v1_StatBlobRequest__Output, _qfleet_v1_StatBlobResponse>;
  
  SubmitResult: grpc.handleUnaryCall<_qfleet_v1_SubmitResultRequest__Output, _qfleet_v1_SubmitResultResponse>;
  
}

export interface AgentServiceDefinition extends grpc.ServiceDefinition {
  GetBlob: MethodDefinition<_qfleet_v1_GetBlobRequest, _qfleet_v1_GetBlobResponse, _qfleet_v1_GetBlobRequest__Output, _qfleet_v1_GetBlobResponse__Output>
  PutBlob: MethodDefinition<_qfleet_v1_PutBlobRequest, _qfleet_v1_PutBlobResponse, _qfleet_v1_PutBlobRequest__Output, _qfleet_v1_PutBlobResponse__Output>
  Session: MethodDefinition<_qfleet_v1_SessionRequest, _qfleet_v1_SessionResponse, _qfleet_v1_SessionRequest__Output, _qfleet_v1_SessionResponse__Output>
  StatBlob: MethodDefinition<_qfleet_v1_StatBlobRequest, _qfleet_v1_StatBlobResponse, _qfleet_v1_StatBlobRequest__Output, _qfleet_v1_StatBlobResponse__Output>
  SubmitResult: MethodDefinition<_qfleet_v1_SubmitResultRequest, _qfleet_v1_SubmitResultResponse, _qfleet_v1_SubmitResultRequest__Output, _qfleet_v1_SubmitResultResponse__Output>
}

import { Server, ServerCredentials } from '@grpc/grpc-js';
import { QfleetError } from '@qfleet/shared/errors.ts';
import type { AgentServiceHandlers } from '@qfleet/shared/gen/qfleet/v1/AgentService.ts';
import { loadAgentService, maxMessageBytes } from '@qfleet/shared/grpc/agent-service.ts';
import type { Authority } from '../pki/authority.ts';
import type { FleetContext } from './fleet-context.ts';
import { getBlob } from './get-blob.ts';
import { handleConversation, handleDownload, handleUnary, handleUpload } from './handle-call.ts';
import { putBlob } from './put-blob.ts';
import { serveSession } from './session.ts';
import { statBlob } from './stat-blob.ts';
import { submitResult } from './submit-result.ts';

/** The agents' gRPC server: TLS ≥ 1.2 (Node's own minimum), and only for clients with a certificate of the authority. */
export function createAgentServer(context: FleetContext): Server {
  const server = new Server({
    'grpc.keepalive_time_ms': 60_000,
    'grpc.keepalive_timeout_ms': 20_000,
    'grpc.max_receive_message_length': maxMessageBytes,
    'grpc.max_concurrent_streams': 100,
  });
  const handlers: AgentServiceHandlers = {
    Session: handleConversation(context, serveSession),
    GetBlob: handleDownload(context, getBlob),
    StatBlob: handleUnary(context, statBlob),
    PutBlob: handleUpload(context, putBlob),
    SubmitResult: handleUnary(context, submitResult),
  };
  server.addService(loadAgentService().service, handlers);
  return server;
}

/** Listens; returns the port that was bound. Throws `configuration` where it cannot. */
export function bindAgentServer(
  server: Server,
  authority: Authority,
  listen: { readonly host: string; readonly port: number },
): Promise<number> {
  const pair = {
    private_key: Buffer.from(authority.server.keyPem),
    cert_chain: Buffer.from(authority.server.certificatePem),
  };
  const credentials = ServerCredentials.createSsl(Buffer.from(authority.certificatePem), [pair], true);
  const address = formatAddress(listen.host, listen.port);
  return new Promise((resolve, reject) => {
    server.bindAsync(address, credentials, (cause, port) => {
      if (!cause) return resolve(port);
      const hint = 'Another program may listen there: choose another port.';
      reject(new QfleetError('configuration', `Cannot listen for agents on ${address}.`, { hint, cause }));
    });
  });
}

/** `host:port`, an IPv6 address in brackets. */
export function formatAddress(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

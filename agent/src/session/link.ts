import { type ChannelOptions, credentials } from '@grpc/grpc-js';
import type { AgentServiceClient } from '@qfleet/shared/gen/qfleet/v1/AgentService.ts';
import { coordinatorName, loadAgentService, maxMessageBytes } from '@qfleet/shared/grpc/agent-service.ts';

/**
 * Keepalive notices a black-holed connection, which TCP alone does not; the window is what a download at 20 ms
 * round-trip time needs for 70 MB/s. The session retries by itself, with its own back-off. The certificate is checked
 * for the coordinator's fixed name and not for what was dialled, which may be an address or a forwarded port.
 */
const channelOptions: ChannelOptions = {
  'grpc.keepalive_time_ms': 30_000,
  'grpc.keepalive_timeout_ms': 10_000,
  'grpc.keepalive_permit_without_calls': 1,
  'grpc-node.flow_control_window': 4 * 2 ** 20,
  'grpc.enable_retries': 0,
  'grpc.use_local_subchannel_pool': 1,
  'grpc.initial_reconnect_backoff_ms': 200,
  'grpc.max_reconnect_backoff_ms': 5000,
  'grpc.max_receive_message_length': maxMessageBytes,
  'grpc.ssl_target_name_override': coordinatorName,
};

export interface LinkOptions {
  /** `host:port`. */
  readonly coordinator: string;
  /** PEM. */
  readonly caCertificate: Buffer;
  readonly key: Buffer;
  readonly certificate: Buffer;
}

/** The agent's connection to its coordinator: one client at a time, made anew after a break. */
export class Link implements Disposable {
  readonly #coordinator: string;
  readonly #credentials: ReturnType<typeof credentials.createSsl>;
  readonly #Service = loadAgentService();
  #client: AgentServiceClient | undefined;

  constructor({ coordinator, caCertificate, key, certificate }: LinkOptions) {
    this.#coordinator = coordinator;
    this.#credentials = credentials.createSsl(caCertificate, key, certificate);
  }

  get coordinator(): string {
    return this.#coordinator;
  }

  get client(): AgentServiceClient {
    this.#client ??= new this.#Service(this.#coordinator, this.#credentials, channelOptions);
    return this.#client;
  }

  /** Drops the connection; the next call makes a new one, without the old one's back-off. Calls in flight go on. */
  reset(): void {
    this.#client?.close();
    this.#client = undefined;
  }

  [Symbol.dispose](): void {
    this.reset();
  }
}

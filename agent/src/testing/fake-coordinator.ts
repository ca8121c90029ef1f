import { verify, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import {
  Metadata,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerReadableStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type sendUnaryData,
  status,
} from '@grpc/grpc-js';
import { digestBytes } from '@qfleet/shared/digest.ts';
import type { AgentServiceHandlers } from '@qfleet/shared/gen/qfleet/v1/AgentService.ts';
import type { GetBlobRequest__Output } from '@qfleet/shared/gen/qfleet/v1/GetBlobRequest.ts';
import type { GetBlobResponse } from '@qfleet/shared/gen/qfleet/v1/GetBlobResponse.ts';
import type { Hello__Output } from '@qfleet/shared/gen/qfleet/v1/Hello.ts';
import type { Job } from '@qfleet/shared/gen/qfleet/v1/Job.ts';
import type { PutBlobRequest__Output } from '@qfleet/shared/gen/qfleet/v1/PutBlobRequest.ts';
import type { PutBlobResponse } from '@qfleet/shared/gen/qfleet/v1/PutBlobResponse.ts';
import type { SessionRequest__Output } from '@qfleet/shared/gen/qfleet/v1/SessionRequest.ts';
import type { SessionResponse } from '@qfleet/shared/gen/qfleet/v1/SessionResponse.ts';
import type { StatBlobRequest__Output } from '@qfleet/shared/gen/qfleet/v1/StatBlobRequest.ts';
import type { StatBlobResponse } from '@qfleet/shared/gen/qfleet/v1/StatBlobResponse.ts';
import type { SubmitResultRequest__Output } from '@qfleet/shared/gen/qfleet/v1/SubmitResultRequest.ts';
import type { SubmitResultResponse } from '@qfleet/shared/gen/qfleet/v1/SubmitResultResponse.ts';
import {
  blobChunkBytes,
  loadAgentService,
  missingBlobsMetadataKey,
} from '@qfleet/shared/grpc/agent-service.ts';
import { type JobResult, jobResultSchema } from '@qfleet/shared/result/job-result.ts';
import type { TestCertificates } from './make-test-certificates.ts';

type SessionStream = ServerDuplexStream<SessionRequest__Output, SessionResponse>;

export interface FakeCoordinatorOptions {
  readonly certificates: TestCertificates;
  /** 0: any free one. */
  readonly port?: number;
  readonly heartbeatIntervalMs?: number;
}

/**
 * The coordinator's end of the wire for tests of the agent: a real server of the real service over TLS, that keeps
 * everything in memory and can be told to misbehave.
 */
export class FakeCoordinator implements AsyncDisposable {
  readonly blobs = new Map<string, Buffer>();
  readonly results: JobResult[] = [];
  readonly resultDigests: string[] = [];
  readonly hellos: Hello__Output[] = [];
  readonly messages: SessionRequest__Output[] = [];
  /** Offsets at which blobs were asked for and at which uploads began, with their digests. */
  readonly reads: { readonly digest: string; readonly offset: number }[] = [];
  readonly writes: { readonly digest: string; readonly offset: number }[] = [];
  /** Takes a blob's bytes as they go out; throwing breaks the stream. */
  tamper: ((chunk: { digest: string; offset: number; data: Buffer }) => Buffer) | undefined;
  /** Called before a result is judged; a status refuses it. */
  refuseResult: ((result: JobResult) => number | undefined) | undefined;
  /** Called with the bytes that an upload has brought so far; throwing breaks it. */
  onPart: ((receivedBytes: number) => void) | undefined;
  /** Uploads that have begun and not ended. */
  openUploads = 0;
  acksHeartbeats = true;
  refuseSessions: number | undefined;
  #partial = new Map<string, Buffer>();
  #session: SessionStream | undefined;
  readonly #server: Server;
  readonly #heartbeatIntervalMs: number;
  #port = 0;

  static async start(options: FakeCoordinatorOptions): Promise<FakeCoordinator> {
    const fake = new FakeCoordinator(options);
    await fake.#listen(options);
    return fake;
  }

  private constructor({ heartbeatIntervalMs = 1000 }: FakeCoordinatorOptions) {
    this.#server = new Server();
    this.#heartbeatIntervalMs = heartbeatIntervalMs;
    this.#server.addService(loadAgentService().service, this.#handlers());
  }

  get address(): string {
    return `127.0.0.1:${this.#port}`;
  }

  get port(): number {
    return this.#port;
  }

  addBlob(bytes: Uint8Array): { digest: string; sizeBytes: number } {
    const digest = digestBytes(bytes);
    this.blobs.set(digest, Buffer.from(bytes));
    return { digest, sizeBytes: bytes.length };
  }

  lease(job: Job): void {
    this.#session?.write({ lease: { job } });
  }

  cancel(cancel: { jobId: string; fence: number; reason: string }): void {
    this.#session?.write({ cancel });
  }

  /** Ends the session in hand with a status. */
  breakSession(code: number): void {
    this.#session?.emit('error', Object.assign(new Error('broken by the test'), { code }));
  }

  /** Forgets half of an upload's bytes have come, as after a break. */
  keepPartial(digest: string, bytes: Buffer): void {
    this.#partial.set(digest, bytes);
  }

  /** Resolves when a condition holds; what is waited for is named in the failure. */
  async until(what: string, condition: () => boolean, limitMs = 20_000): Promise<void> {
    const start = performance.now();
    while (!condition()) {
      if (performance.now() - start > limitMs) throw new Error(`Waited in vain: ${what}.`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  async #listen({ certificates, port = 0 }: FakeCoordinatorOptions): Promise<void> {
    const { caPem, server } = certificates;
    const pair = { private_key: Buffer.from(server.keyPem), cert_chain: Buffer.from(server.certificatePem) };
    const credentials = ServerCredentials.createSsl(Buffer.from(caPem), [pair], true);
    this.#port = await new Promise<number>((resolve, reject) => {
      this.#server.bindAsync(`127.0.0.1:${port}`, credentials, (error, bound) =>
        error ? reject(error) : resolve(bound),
      );
    });
  }

  #handlers(): AgentServiceHandlers {
    return {
      Session: (call: SessionStream) => this.#open(call),
      GetBlob: (call: ServerWritableStream<GetBlobRequest__Output, GetBlobResponse>) =>
        void this.#getBlob(call),
      StatBlob: (
        call: ServerUnaryCall<StatBlobRequest__Output, StatBlobResponse>,
        answer: sendUnaryData<StatBlobResponse>,
      ) => answer(null, this.#stat(call.request.digest)),
      PutBlob: (
        call: ServerReadableStream<PutBlobRequest__Output, PutBlobResponse>,
        answer: sendUnaryData<PutBlobResponse>,
      ) => void this.#putBlob(call, answer),
      SubmitResult: (
        call: ServerUnaryCall<SubmitResultRequest__Output, SubmitResultResponse>,
        answer: sendUnaryData<SubmitResultResponse>,
      ) => this.#submit(call, answer),
    };
  }

  #open(call: SessionStream): void {
    if (this.refuseSessions !== undefined) {
      call.emit('error', Object.assign(new Error('not this device'), { code: this.refuseSessions }));
      return;
    }
    this.#session = call;
    call.on('error', () => undefined);
    call.on('end', () => call.end());
    call.on('data', (message: SessionRequest__Output) => {
      this.messages.push(message);
      if (message.hello) this.#welcome(call, message.hello);
      if (message.heartbeat && this.acksHeartbeats)
        call.write({ heartbeatAck: { coordinatorTimeUnixMs: Date.now() } });
    });
  }

  #welcome(call: SessionStream, hello: Hello__Output): void {
    this.hellos.push(hello);
    call.write({
      welcome: {
        deviceId: 'dev',
        deviceName: 'test',
        coordinatorVersion: '0',
        heartbeatIntervalMs: this.#heartbeatIntervalMs,
        coordinatorTimeUnixMs: Date.now(),
      },
    });
  }

  async #getBlob(call: ServerWritableStream<GetBlobRequest__Output, GetBlobResponse>): Promise<void> {
    const { digest, offset } = call.request;
    const bytes = this.blobs.get(digest);
    this.reads.push({ digest, offset });
    if (!bytes) {
      call.emit('error', Object.assign(new Error('no such blob'), { code: status.NOT_FOUND }));
      return;
    }
    try {
      for (let at = offset; at < bytes.length; at += blobChunkBytes) {
        const piece = bytes.subarray(at, at + blobChunkBytes);
        const data = this.tamper ? this.tamper({ digest, offset: at, data: piece }) : piece;
        const totalBytes = at === offset ? bytes.length : 0;
        if (!call.write({ offset: at, data, totalBytes })) await once(call, 'drain');
      }
      call.end();
    } catch (thrown) {
      call.emit('error', Object.assign(thrown as Error, { code: status.UNAVAILABLE }));
    }
  }

  #stat(digest: string): StatBlobResponse {
    return { complete: this.blobs.has(digest), receivedBytes: this.#partial.get(digest)?.length ?? 0 };
  }

  async #putBlob(
    call: ServerReadableStream<PutBlobRequest__Output, PutBlobResponse>,
    answer: sendUnaryData<PutBlobResponse>,
  ): Promise<void> {
    let head: PutBlobRequest__Output | undefined;
    let bytes: Buffer = Buffer.alloc(0);
    this.openUploads++;
    try {
      for await (const message of call as AsyncIterable<PutBlobRequest__Output>) {
        if (!head) {
          head = message;
          this.writes.push({ digest: head.digest, offset: head.offset });
          bytes = (this.#partial.get(head.digest) ?? bytes).subarray(0, head.offset);
        }
        bytes = Buffer.concat([bytes, message.data]);
        this.#partial.set(head.digest, bytes);
        this.onPart?.(bytes.length);
      }
    } catch {
      // The agent is gone, or the test breaks the call; what came stays.
      answer({ code: status.UNAVAILABLE, details: 'broken by the test' });
      return;
    } finally {
      this.openUploads--;
    }
    if (!head || bytes.length < head.totalBytes) return;
    const { digest } = head;
    this.#partial.delete(digest);
    if (digestBytes(bytes) !== digest) {
      answer({ code: status.DATA_LOSS, details: `other bytes than ${digest}` });
      return;
    }
    this.blobs.set(digest, bytes);
    answer(null, { existed: false });
  }

  #submit(
    call: ServerUnaryCall<SubmitResultRequest__Output, SubmitResultResponse>,
    answer: sendUnaryData<SubmitResultResponse>,
  ): void {
    const { digest, signature, uploadedBytes } = call.request;
    const resultJson = uploadedBytes > 0 ? this.blobs.get(digest) : call.request.resultJson;
    if (!resultJson) {
      this.#answerMissing([digest], answer);
      return;
    }
    const peer = call.getAuthContext().sslPeerCertificate;
    const key = new X509Certificate(peer?.raw ?? Buffer.alloc(0)).publicKey;
    if (digestBytes(resultJson) !== digest || !verify(null, resultJson, key, signature)) {
      answer({ code: status.INVALID_ARGUMENT, details: 'The signature or digest does not fit.' });
      return;
    }
    const result = jobResultSchema.parse(JSON.parse(resultJson.toString('utf8')));
    const refusal = this.refuseResult?.(result);
    if (refusal !== undefined) {
      answer({ code: refusal, details: 'refused by the test' });
      return;
    }
    const missing = result.blobs.filter((blob) => !this.blobs.has(blob));
    if (missing.length > 0) {
      this.#answerMissing(missing, answer);
      return;
    }
    const isKnown = this.resultDigests.includes(digest);
    if (!isKnown) {
      this.results.push(result);
      this.resultDigests.push(digest);
    }
    answer(null, { status: isKnown ? 'already-stored' : 'committed', detail: '' });
  }

  #answerMissing(digests: readonly string[], answer: sendUnaryData<SubmitResultResponse>): void {
    const metadata = new Metadata();
    metadata.set(missingBlobsMetadataKey, digests.join(','));
    answer({ code: status.FAILED_PRECONDITION, details: 'Blobs are missing.', metadata });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.forceShutdown();
  }
}

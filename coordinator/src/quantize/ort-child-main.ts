// A child process that loads models for the coordinator and dies in its stead where a model is bad.
// ORT_DISABLE_TELEMETRY=1 is in its environment before ONNX Runtime loads: `ort-child.ts` sets it.
import { InferenceSession, Tensor } from 'onnxruntime-node';
import type {
  OpenRequest,
  OrtReply,
  OrtRequest,
  RunRequest,
  TensorMessage,
  ValueMetadata,
} from './ort-messages.ts';

let session: InferenceSession | undefined;

process.on('message', (request: OrtRequest) => void answer(request));
process.on('disconnect', () => process.exit(0));

async function answer(request: OrtRequest): Promise<void> {
  reply(
    await handle(request).then(
      (value) => ({ id: request.id, ok: true as const, value }),
      (thrown: unknown) => ({ id: request.id, ok: false as const, message: messageOf(thrown) }),
    ),
  );
}

async function handle(request: OrtRequest): Promise<unknown> {
  return request.kind === 'open' ? await openModel(request) : await runModel(request);
}

async function openModel(request: OpenRequest): Promise<unknown> {
  await session?.release();
  session = await InferenceSession.create(request.path, {
    graphOptimizationLevel: request.optimisation,
    intraOpNumThreads: request.threads,
    logSeverityLevel: 3,
    // Threads that spin while they wait would take the machine from the coordinator's other work.
    extra: { session: { intra_op: { allow_spinning: '0' } } },
    ...(request.optimisedPath === undefined ? {} : { optimizedModelFilePath: request.optimisedPath }),
  });
  return { inputs: session.inputMetadata.map(describe), outputs: session.outputMetadata.map(describe) };
}

function describe(value: InferenceSession.ValueMetadata): ValueMetadata {
  if (!value.isTensor) return { name: value.name, isTensor: false, elementType: '', shape: [] };
  const shape = value.shape.map((size) =>
    size === '' || (typeof size === 'number' && size < 0) ? '?' : size,
  );
  return { name: value.name, isTensor: true, elementType: value.type, shape };
}

async function runModel(request: RunRequest): Promise<unknown> {
  if (!session) throw new Error('no model is open');
  const feeds = Object.fromEntries(
    Object.entries(request.feeds).map(([name, value]) => [name, toTensor(value)]),
  );
  const outputs = await session.run(feeds);
  return Object.fromEntries(Object.entries(outputs).map(([name, tensor]) => [name, fromTensor(tensor)]));
}

function toTensor(message: TensorMessage): Tensor {
  return new Tensor(message.elementType as Tensor.Type, message.data as Tensor.DataType, message.dims);
}

function fromTensor(tensor: Tensor): TensorMessage {
  return { elementType: tensor.type, dims: tensor.dims, data: tensor.data as TensorMessage['data'] };
}

function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

function reply(message: OrtReply): void {
  process.send?.(message);
}

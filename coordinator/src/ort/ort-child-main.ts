// A child process that loads models for the coordinator and dies in its stead where a model is bad.
// ORT_DISABLE_TELEMETRY=1 is in its environment before ONNX Runtime loads: `ort-child.ts` sets it.
import { watchParent } from '@qfleet/shared/child/watch-parent.ts';
import { QfleetError } from '@qfleet/shared/errors.ts';
import { hideFloat16Array } from '@qfleet/shared/inputs/hide-float16-array.ts';
import { prepareInput } from '@qfleet/shared/inputs/prepare-input.ts';
import type { Tensor as OrtTensor, InferenceSession as Session } from 'onnxruntime-node';
import { Histograms } from './histograms.ts';
import { measureNoise, type NoiseSums } from './noise-sums.ts';
import type {
  AdvanceRequest,
  CompareRequest,
  Feeds,
  HistogramRequest,
  OpenRequest,
  OrtAction,
  OrtReply,
  OrtRequest,
  Outputs,
  ScalarsRequest,
  TensorMessage,
  ValueMetadata,
} from './ort-messages.ts';
import { StagedValues } from './staged-values.ts';

watchParent();
hideFloat16Array();
const { InferenceSession, Tensor } = await import('onnxruntime-node');

const sessions = new Map<string, Session>();
const histograms = [new Histograms(), new Histograms()] as const;
const staged = new StagedValues();

process.on('message', (request: OrtRequest) => void answer(request));
process.on('disconnect', () => process.exit(0));

async function answer(request: OrtRequest): Promise<void> {
  reply(
    await handle(request).then(
      (value) => ({ id: request.id, ok: true as const, value }),
      (thrown: unknown) => ({ id: request.id, ok: false as const, ...describeError(thrown) }),
    ),
  );
}

async function handle(request: OrtAction): Promise<unknown> {
  switch (request.kind) {
    case 'open':
      return await openModel(request);
    case 'run':
      return fromTensors(await runSession(request.slot, request.feeds));
    case 'scalars':
      return await runForScalars(request);
    case 'histogram':
      return await addToHistograms(request);
    case 'take-histograms':
      return histograms.map((half) => half.take());
    case 'compare':
      return await compareSessions(request);
    case 'stage-inputs':
      for (const store of request.stores)
        staged.of(store).push(new Map(Object.entries(prepareFeeds(request.feeds))));
      return undefined;
    case 'advance':
      return await advance(request);
    case 'reset':
      return await reset();
    case 'shift':
      return staged.shift(request.reference, request.candidate);
  }
}

async function reset(): Promise<void> {
  for (const session of sessions.values()) await session.release();
  sessions.clear();
  for (const half of histograms) half.take();
  staged.clear();
}

async function openModel(request: OpenRequest): Promise<unknown> {
  await sessions.get(request.slot)?.release();
  sessions.delete(request.slot);
  const session = await InferenceSession.create(request.path, {
    graphOptimizationLevel: request.optimisation,
    intraOpNumThreads: request.threads,
    logSeverityLevel: 3,
    // No more memory than a run needs, between runs none: several children share the machine.
    enableCpuMemArena: false,
    enableMemPattern: false,
    // Threads that spin while they wait would take the machine from the coordinator's other work.
    extra: { session: { intra_op: { allow_spinning: '0' } } },
    ...(request.optimisedPath === undefined ? {} : { optimizedModelFilePath: request.optimisedPath }),
  });
  sessions.set(request.slot, session);
  return { inputs: session.inputMetadata.map(describe), outputs: session.outputMetadata.map(describe) };
}

function describe(value: Session.ValueMetadata): ValueMetadata {
  if (!value.isTensor) return { name: value.name, isTensor: false, elementType: '', shape: [] };
  const shape = value.shape.map((size) =>
    size === '' || (typeof size === 'number' && size < 0) ? '?' : size,
  );
  return { name: value.name, isTensor: true, elementType: value.type, shape };
}

async function runSession(
  slot: string,
  feeds: Feeds,
  names?: readonly string[],
): Promise<Session.OnnxValueMapType> {
  const session = sessions.get(slot);
  if (!session) throw new Error(`no model is open as "${slot}"`);
  const inputs = Object.fromEntries(
    Object.entries(prepareFeeds(feeds)).map(([name, value]) => [name, toTensor(value)]),
  );
  return names ? await session.run(inputs, [...names]) : await session.run(inputs);
}

async function runForScalars({ slot, feeds, names }: ScalarsRequest): Promise<Float64Array> {
  const outputs = await runSession(slot, feeds);
  return Float64Array.from(names, (name) => Number((outputs[name] as OrtTensor | undefined)?.data[0]));
}

async function addToHistograms({ slot, feeds, half, tensors, bins }: HistogramRequest): Promise<void> {
  const names = tensors.map(({ tensor }) => tensor);
  const outputs = await runSession(slot, feeds, names);
  for (const { tensor, low, high } of tensors) {
    histograms[half].add(tensor, (outputs[tensor] as OrtTensor).data as Float32Array, { low, high, bins });
  }
}

async function compareSessions(request: CompareRequest): Promise<NoiseSums[]> {
  const { referenceSlot, candidateSlot, feeds, pairs } = request;
  const reference = await runSession(
    referenceSlot,
    feeds,
    pairs.map((pair) => pair.reference),
  );
  const candidate = await runSession(
    candidateSlot,
    feeds,
    pairs.map((pair) => pair.candidate),
  );
  return pairs.map((pair) => {
    const [x, y] = [reference[pair.reference] as OrtTensor, candidate[pair.candidate] as OrtTensor];
    return measureNoise(x.data as TensorMessage['data'], y.data as TensorMessage['data'], pair);
  });
}

async function advance({ slot, store, inputs, outputs, spent }: AdvanceRequest): Promise<void> {
  for (const values of staged.of(store)) {
    const feeds = Object.fromEntries(inputs.map((name) => [name, values.get(name)!]));
    const found = fromTensors(await runSession(slot, feeds, outputs));
    for (const [name, value] of Object.entries(found)) values.set(name, value);
    for (const name of spent) values.delete(name);
  }
}

/** Items of a dataset as the model's inputs. */
function prepareFeeds(feeds: Feeds): Outputs {
  return Object.fromEntries(
    Object.entries(feeds).map(([name, value]): [string, TensorMessage] => {
      if (!('raw' in value)) return [name, value];
      const { raw, item, contract, rank } = value;
      return [name, { elementType: contract.elementType, ...prepareInput(raw, item, contract, rank) }];
    }),
  );
}

function toTensor(message: TensorMessage): OrtTensor {
  return new Tensor(message.elementType as OrtTensor.Type, message.data as OrtTensor.DataType, message.dims);
}

function fromTensors(outputs: Session.OnnxValueMapType): Record<string, TensorMessage> {
  return Object.fromEntries(
    Object.entries(outputs).map(([name, value]) => {
      const tensor = value as OrtTensor;
      return [
        name,
        { elementType: tensor.type, dims: tensor.dims, data: tensor.data as TensorMessage['data'] },
      ];
    }),
  );
}

/** ONNX Runtime throws plain errors; ours keep their code and hint. */
function describeError(thrown: unknown): Pick<Extract<OrtReply, { ok: false }>, 'message' | 'own'> {
  if (!(thrown instanceof QfleetError))
    return { message: thrown instanceof Error ? thrown.message : String(thrown) };
  const { code, message, hint } = thrown;
  return { message, own: { code, ...(hint === undefined ? {} : { hint }) } };
}

function reply(message: OrtReply): void {
  process.send?.(message);
}

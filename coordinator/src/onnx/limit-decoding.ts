import { type DescField, type DescMessage, ScalarType } from '@bufbuild/protobuf';
import { QfleetError } from '@qfleet/shared/errors.ts';
import { ModelProtoSchema, NodeProtoSchema } from '../../gen/onnx/onnx_pb.js';

/** Far above any real network (GPT-sized exports have tens of thousands), far below what would hang a parser. */
const maxNodes = 200_000;
/** A subgraph is three messages deep, and sixteen of them may be nested; types nest a little too. */
const maxDepth = 64;
/** What a model may take in memory once it is decoded, beside its raw tensor data, which is not copied. */
const maxDecodedBytes = 768 * 2 ** 20;

/** What the decoder makes of each thing on a heap of V8's, bytes, measured with @bufbuild/protobuf 2.17. */
const heapBytes = { message: 400, unknownField: 220, bigint: 34, number: 12, text: 24, bytes: 120 };

/**
 * Reads a model's protobuf once without decoding it, and refuses what would decode into more objects than any network
 * has: a file of 40 MB can hold 20 million empty operators, which take 8 GB. Costs one pass over the tags; tensor data
 * is skipped. False for bytes that are no protobuf of ONNX's; throws `refused`.
 */
export function limitDecoding(bytes: Uint8Array): boolean {
  const scan: Scan = { bytes, layouts: new Map(), at: 0, decodedBytes: 0, nodes: 0 };
  const open: Frame[] = [{ layout: layoutOf(scan, ModelProtoSchema), end: bytes.length }];
  for (let frame = open.at(-1); frame; frame = open.at(-1)) {
    if (scan.at >= frame.end) {
      open.pop();
      continue;
    }
    const inner = readField(scan, frame);
    if (inner === 'damaged') return false;
    checkLimits(scan);
    if (!inner) continue;
    open.push(inner);
    if (open.length > maxDepth) throw refuseTooLarge(`messages nested deeper than ${maxDepth}`);
  }
  return true;
}

interface Scan {
  readonly bytes: Uint8Array;
  readonly layouts: Map<DescMessage, Layout>;
  at: number;
  decodedBytes: number;
  nodes: number;
}

interface Frame {
  readonly layout: Layout;
  readonly end: number;
}

/** Fields of a message by number. */
interface Layout {
  readonly isNode: boolean;
  readonly fields: ReadonlyMap<number, FieldLayout>;
}

interface FieldLayout {
  /** Of a message: what is in it. */
  readonly message?: DescMessage;
  /** Of scalars: what one element takes on the heap; how it is packed. */
  readonly elementBytes: number;
  readonly packing: 'varint' | 4 | 8 | undefined;
  readonly isNumber: boolean;
}

/** One field; the frame of a message that was opened, `damaged` where these bytes cannot be protobuf of that schema. */
function readField(scan: Scan, frame: Frame): Frame | 'damaged' | undefined {
  const tag = readVarint(scan);
  if (tag < 8) return 'damaged';
  const wireType = tag & 7;
  const field = frame.layout.fields.get(Math.floor(tag / 8));
  scan.decodedBytes += field ? field.elementBytes : heapBytes.unknownField;
  if (wireType === 0) return readVarint(scan) < 0 ? 'damaged' : asScalar(field);
  if (wireType === 1) return skip(scan, 8, frame, field);
  if (wireType === 5) return skip(scan, 4, frame, field);
  // Groups, 3 and 4, are not in ONNX; the decoder takes those of unknown fields by recursion.
  if (wireType !== 2) return 'damaged';
  const length = readVarint(scan);
  const end = scan.at + length;
  if (length < 0 || end > frame.end) return 'damaged';
  if (field?.message) return openMessage(scan, field.message, end);
  if (field?.packing !== undefined)
    scan.decodedBytes += field.elementBytes * countPacked(scan, field.packing, end);
  scan.at = end;
  return undefined;
}

/** The decoder does not look at the wire type of messages, texts and bytes: it would take the number for a length. */
function asScalar(field: FieldLayout | undefined): 'damaged' | undefined {
  return field && !field.isNumber ? 'damaged' : undefined;
}

function skip(
  scan: Scan,
  length: number,
  frame: Frame,
  field: FieldLayout | undefined,
): 'damaged' | undefined {
  scan.at += length;
  return scan.at > frame.end ? 'damaged' : asScalar(field);
}

function openMessage(scan: Scan, message: DescMessage, end: number): Frame {
  const layout = layoutOf(scan, message);
  if (layout.isNode) scan.nodes++;
  return { layout, end };
}

function countPacked({ bytes, at }: Scan, packing: 'varint' | 4 | 8, end: number): number {
  if (packing !== 'varint') return (end - at) / packing;
  let count = 0;
  for (let i = at; i < end; i++) if (bytes[i]! < 0x80) count++;
  return count;
}

/** -1 where it does not end; beyond 2^53 it is inexact, which is too long for a length anyway. */
function readVarint(scan: Scan): number {
  let value = 0;
  for (let scale = 1; scan.at < scan.bytes.length && scale < 2 ** 70; scale *= 128) {
    const byte = scan.bytes[scan.at++]!;
    value += (byte & 127) * scale;
    if (byte < 0x80) return value;
  }
  return -1;
}

function checkLimits(scan: Scan): void {
  if (scan.nodes > maxNodes) throw refuseTooLarge(`more than ${maxNodes} operators`);
  if (scan.decodedBytes <= maxDecodedBytes) return;
  throw refuseTooLarge(
    `so many fields that they would take more than ${maxDecodedBytes / 2 ** 20} MB in memory`,
    'Store large tensors as raw data (onnx.numpy_helper.from_array does), not as lists of numbers.',
  );
}

function refuseTooLarge(
  what: string,
  hint = 'Expected a network that an exporter wrote: export it again.',
): QfleetError {
  return new QfleetError('refused', `The model has ${what}.`, { hint });
}

function layoutOf(scan: Scan, message: DescMessage): Layout {
  const known = scan.layouts.get(message);
  if (known) return known;
  const fields = new Map(message.fields.map((field) => [field.number, layOut(field)]));
  const layout = { isNode: message.typeName === NodeProtoSchema.typeName, fields };
  scan.layouts.set(message, layout);
  return layout;
}

function layOut(field: DescField): FieldLayout {
  const other = { packing: undefined, isNumber: false };
  if (field.message) return { ...other, message: field.message, elementBytes: heapBytes.message };
  switch (field.scalar) {
    case ScalarType.STRING:
      return { ...other, elementBytes: heapBytes.text };
    case ScalarType.BYTES:
      return { ...other, elementBytes: heapBytes.bytes };
    case ScalarType.FLOAT:
      return { elementBytes: heapBytes.number, packing: 4, isNumber: true };
    case ScalarType.DOUBLE:
      return { elementBytes: heapBytes.number, packing: 8, isNumber: true };
    case ScalarType.INT64:
    case ScalarType.UINT64:
      return { elementBytes: heapBytes.bigint, packing: 'varint', isNumber: true };
    default:
      return { elementBytes: heapBytes.number, packing: 'varint', isNumber: true };
  }
}

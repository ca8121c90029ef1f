import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parseModel } from './parse-model.ts';

/** Length-delimited field: tag, length, body. */
function field(number: number, body: Uint8Array): Buffer {
  return Buffer.concat([varint(number * 8 + 2), varint(body.length), body]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (; value > 127; value = Math.floor(value / 128)) bytes.push((value & 127) | 128);
  return Buffer.from([...bytes, value]);
}

const nothing = Buffer.alloc(0);
/** A model, 40 MB of the same field in its graph. */
function modelOf(repeated: Uint8Array): Buffer {
  const graph = Buffer.alloc(40_000_000 - (40_000_000 % repeated.length), repeated);
  return Buffer.concat([Buffer.from([8, 9]), field(7, graph)]);
}

describe('a small file that would take gigabytes once it is decoded is refused before that', () => {
  const tensor = (number: number): Buffer =>
    Buffer.concat([Buffer.from([8, 9]), field(7, field(5, field(number, Buffer.alloc(80_000_000, 1))))]);
  const cases: Record<string, () => Uint8Array> = {
    'empty operators': () => modelOf(field(1, nothing)),
    'empty initialisers': () => modelOf(field(5, nothing)),
    'empty value infos': () => modelOf(field(13, nothing)),
    'empty texts of one operator': () =>
      Buffer.concat([Buffer.from([8, 9]), field(7, field(1, Buffer.alloc(80_000_000, field(1, nothing))))]),
    'unknown fields': () => modelOf(Buffer.from([0x98, 0x06, 1])),
    'dimensions of one tensor': () => tensor(1),
    'int32 values of one tensor': () => tensor(5),
    'int64 values of one tensor': () => tensor(7),
    'many empty opset imports': () => Buffer.alloc(40_000_000, field(8, nothing)),
  };
  for (const [name, make] of Object.entries(cases)) {
    test(name, () => {
      const bytes = make();
      const before = process.memoryUsage().heapUsed;
      assert.throws(() => parseModel(bytes), {
        code: 'refused',
        message: /^The model has (more than|so many)/,
      });
      assert.ok(process.memoryUsage().heapUsed - before < 64 * 2 ** 20, 'nothing of it was decoded');
    });
  }

  test('subgraphs within subgraphs', () => {
    let graph: Buffer = field(1, nothing);
    for (let depth = 0; depth < 5000; depth++) graph = field(1, field(5, field(6, graph)));
    assert.throws(() => parseModel(field(7, graph)), { code: 'refused', message: /nested deeper/ });
  });
});

test('what the decoder would read on its own terms is damaged: messages as numbers, groups, lengths beyond the message', () => {
  const node = field(7, field(1, nothing));
  for (const odd of [
    Buffer.from([7 * 8 + 0, 2, 10, 0]),
    Buffer.from([99 * 8 + 3, 99 * 8 + 4].flatMap((tag) => [...varint(tag)])),
    field(7, Buffer.from([10, 100])),
    Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
    Buffer.from([0]),
  ]) {
    assert.throws(() => parseModel(Buffer.concat([Buffer.from([8, 9]), odd, node])), {
      code: 'refused',
      message: /truncated or no ONNX model/,
    });
  }
});

test('a real model passes', () => {
  const path = fileURLToPath(new URL('../../sample/glyphnet.onnx', import.meta.url));
  assert.ok(parseModel(readFileSync(path)).graph!.node.length > 0);
});

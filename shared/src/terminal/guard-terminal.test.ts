import assert from 'node:assert/strict';
import { Writable } from 'node:stream';
import { test } from 'node:test';
import { escapeControls, guardTerminal } from './guard-terminal.ts';
import { printableName } from './printable-name.ts';

test('control characters are written out, lines and tabs and our own bold stay', () => {
  assert.equal(escapeControls('a\u001b]0;title\u0007b'), 'a\\u001b]0;title\\u0007b');
  assert.equal(escapeControls('\u009b31m \u007f \u202egnp.exe'), '\\u009b31m \\u007f \\u202egnp.exe');
  assert.equal(escapeControls('over\rwritten'), 'over\\u000dwritten');
  assert.equal(escapeControls('\u001b[2Kgone'), '\\u001b[2Kgone');
  const ours = 'a\tb\r\n\u001b[1mbold\u001b[0m µs ×\n';
  assert.equal(escapeControls(ours), ours);
});

test('JSON stays the JSON that it was', () => {
  const value = { name: '\u009b31m\u007f\u2028', text: '\u001b[1m' };
  assert.deepEqual(JSON.parse(escapeControls(JSON.stringify(value))), value);
});

test('a guarded stream escapes text, and leaves bytes and the end of a bar alone', () => {
  let written = '';
  const stream = new Writable({
    decodeStrings: false,
    write: (chunk, _encoding, done) => {
      written += String(chunk);
      done();
    },
  });
  guardTerminal(stream);
  stream.write('\r\u001b[2K');
  stream.write('x\r\u001b[2Ky');
  stream.write(Buffer.from('\u001b'));
  stream.write('\u0007');
  assert.equal(written, '\r\u001b[2Kx\\u000d\\u001b[2Ky\u001b\\u0007');
});

test('names have no control characters, and nothing that turns text around', () => {
  for (const name of ['', 'Net 5 – größer', 'モデル', 'a/b:c'])
    assert.ok(printableName.safeParse(name).success);
  for (const name of ['\u001b[31m', 'a\nb', 'a\u009bb', 'a\u202eb', 'a\u2028b', 'x'.repeat(201)])
    assert.ok(!printableName.safeParse(name).success, JSON.stringify(name));
});

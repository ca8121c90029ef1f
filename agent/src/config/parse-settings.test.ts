import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { parse, stringify } from 'yaml';
import { parseSettings } from './parse-settings.ts';

const read = (text: string): Record<string, string> => Object.fromEntries(parseSettings(text));

describe('parseSettings', () => {
  it('reads plain and quoted values and passes over comments and empty lines', () => {
    const text = `---
# Made by qfleet device add.
coordinator: lab.example:7443   # the one in the cellar

name: "pi \\"3\\" #1"
state: '/var/lib/it''s here'
backends: noop, onnxruntime-cpu
`;
    assert.deepEqual(read(text), {
      coordinator: 'lab.example:7443',
      name: 'pi "3" #1',
      state: "/var/lib/it's here",
      backends: 'noop, onnxruntime-cpu',
    });
    assert.deepEqual(read('name: a#b\r\nstate: c\r\n'), { name: 'a#b', state: 'c' });
    assert.deepEqual(read(''), {});
  });

  it('names the line that it does not understand', () => {
    for (const [text, pattern] of [
      ['name: a\nbackends:\n  - noop\n', /line 2: expected "key: value", got "backends:"/],
      ['  name: a\n', /line 1/],
      ['name:a\n', /line 1/],
      ['name: "a\n', /line 1/],
      ['name: "a" b\n', /line 1/],
      ['name: {a: 1}\n', /line 1/],
      ['state: |\n  a\n', /line 1/],
      ['name: a\nname: b\n', /line 2: name is there twice/],
    ] as const) {
      assert.throws(() => parseSettings(text), pattern, text);
    }
  });

  it('reads what a YAML writer writes of any name, address or path, as a YAML reader does', () => {
    const word = fc.oneof(
      fc.string({ minLength: 1, unit: 'grapheme-ascii' }),
      fc.constantFrom(
        '[::1]:7443',
        'Küche/板',
        'a: b',
        '- a',
        '123',
        'true',
        "it's",
        '#x',
        'a #x',
        '~',
        '"',
        '\\',
      ),
    );
    fc.assert(
      fc.property(word, (value) => {
        const text = stringify({ name: value }, { lineWidth: 0, blockQuote: false });
        assert.deepEqual(parse(text), { name: value });
        assert.equal(parseSettings(text).get('name'), value, text);
      }),
    );
  });
});

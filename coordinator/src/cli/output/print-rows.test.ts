import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CliContext } from '../cli-context.ts';
import { type Column, type OutputFormat, printRows } from './print-rows.ts';

interface Row {
  readonly name: string;
  readonly value: string;
}

const columns: Column<Row>[] = [
  { title: 'name', cell: ({ name }) => name },
  { title: 'value', align: 'right', cell: ({ value }) => value },
];

function print(format: OutputFormat, rows: readonly Row[]): string {
  let text = '';
  const stdout = { write: (piece: string) => (text += piece) };
  printRows({ stdout } as unknown as CliContext, format, columns, rows);
  return text;
}

test('a table lines up its columns and has no lines around it', () => {
  const text = print('table', [
    { name: 'pi3', value: '5' },
    { name: 'jetson-nano', value: '12' },
  ]);
  assert.equal(text, 'name         value\npi3              5\njetson-nano     12\n');
});

test('what a device says of itself cannot steer the terminal', () => {
  const text = print('table', [{ name: 'pi\u001b[2J3', value: '\u009b31m' }]);
  assert.ok(!text.includes('\u001b') && !text.includes('\u009b'), text);
});

test('CSV quotes what must be quoted and disarms formulas, but not negative numbers', () => {
  const text = print('csv', [
    { name: 'a "b", c', value: '-1.5' },
    { name: '=HYPERLINK("x")', value: '+cmd' },
  ]);
  assert.equal(text, 'name,value\r\n"a ""b"", c",-1.5\r\n"\'=HYPERLINK(""x"")",\'+cmd\n');
});

test('JSON carries the rows as they are', () => {
  const rows = [{ name: '=x', value: '1' }];
  assert.deepEqual(JSON.parse(print('json', rows)), rows);
});

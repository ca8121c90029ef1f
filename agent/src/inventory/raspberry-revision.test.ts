import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeRaspberryRevision } from './raspberry-revision.ts';

test('new and old revision codes name the board, overvolted ones too', () => {
  const models = ['a02082', 'a020d3', 'c03114', 'd04170', '902120', '1a01040', '000e', '1000002', '0015'].map(
    (code) => decodeRaspberryRevision(code)?.model,
  );
  assert.deepEqual(models, [
    'Raspberry Pi 3 Model B Rev 1.2',
    'Raspberry Pi 3 Model B Plus Rev 1.3',
    'Raspberry Pi 4 Model B Rev 1.4',
    'Raspberry Pi 5 Model B Rev 1.0',
    'Raspberry Pi Zero 2 W Rev 1.0',
    'Raspberry Pi 2 Model B Rev 1.0',
    'Raspberry Pi Model B Rev 2',
    'Raspberry Pi Model B Rev 1',
    'Raspberry Pi Model A Plus Rev 1',
  ]);
});

test('a code that no board has names none', () => {
  assert.equal(decodeRaspberryRevision('0000'), undefined);
  assert.equal(decodeRaspberryRevision('fffff0'), undefined);
});

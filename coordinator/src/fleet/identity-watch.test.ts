import assert from 'node:assert/strict';
import { test } from 'node:test';
import { IdentityWatch } from './identity-watch.ts';

const instance = (key: string) => ({ key, bootId: `boot of ${key}`, hostname: key });

test('whoever comes back after another had the session shows that there are two', () => {
  const watch = new IdentityWatch();
  for (const key of ['a', 'a', 'restarted', 'imaged anew', 'on another board']) {
    assert.equal(watch.findRival('d', instance(key)), undefined, key);
    watch.note('d', instance(key));
  }
  assert.equal(watch.findRival('another', instance('a')), undefined);
  assert.equal(watch.findRival('d', instance('a'))?.key, 'on another board');
  watch.note('d', instance('a'));
  assert.equal(watch.findRival('d', instance('a')), undefined, 'it has the session');
  assert.equal(watch.findRival('d', instance('on another board'))?.key, 'a');
  watch.forget('d');
  assert.equal(watch.findRival('d', instance('on another board')), undefined);
});

test('a device that restarts for ever is remembered in bounded memory', () => {
  const watch = new IdentityWatch();
  for (let start = 0; start < 1000; start++) watch.note('d', instance(`start ${start}`));
  assert.equal(watch.findRival('d', instance('start 1')), undefined);
  assert.equal(watch.findRival('d', instance('start 990'))?.key, 'start 999');
});

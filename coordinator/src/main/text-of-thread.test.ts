import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import type { ReadableStream } from 'node:stream/web';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { textOfThread } from './text-of-thread.ts';

/** A thread that posts a text made of what the generator's body yields. */
async function threadOf(body: string): Promise<Readable> {
  const worker = new Worker(
    `const { parentPort } = require('node:worker_threads');
     const { ReadableStream } = require('node:stream/web');
     function* pieces() { ${body} }
     const text = ReadableStream.from(pieces());
     parentPort.on('message', () => undefined);
     parentPort.postMessage({ text }, [text]);`,
    { eval: true, resourceLimits: { maxOldGenerationSizeMb: 32 } },
  );
  const [answer] = (await once(worker, 'message')) as [{ text: ReadableStream<Uint8Array> }];
  return textOfThread(worker, answer.text);
}

const half = "yield Buffer.from('half of it');";

test('a text is read to its end, and the thread ends with it', async () => {
  assert.equal(
    await text(await threadOf(`${half} yield Buffer.from(', and the rest');`)),
    'half of it, and the rest',
  );
});

test('a thread that runs out of memory in the middle breaks the text off, and leaves the process alone', async () => {
  const body = `${half} const all = []; for (;;) all.push(Array.from({ length: 1e5 }, (_, i) => ({ i })));`;
  await assert.rejects(text(await threadOf(body)), /The report broke off/);
});

test('what fails in the middle, or ends there, is no whole text', async () => {
  await assert.rejects(text(await threadOf(`${half} throw new RangeError('too much');`)), /too much/);
  await assert.rejects(text(await threadOf(`${half} process.exit(3);`)), /The report broke off/);
});

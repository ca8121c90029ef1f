import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { ArtefactGate } from './artefact-gate.ts';

test('a removal waits for those that share the gate, holds off later ones, and a failure lets all go on', async () => {
  const gate = new ArtefactGate();
  const trace: string[] = [];
  const open = Promise.withResolvers<void>();
  const work = async (name: string, until?: Promise<void>): Promise<void> => {
    trace.push(`begin ${name}`);
    await (until ?? turn());
    trace.push(`end ${name}`);
  };
  const first = gate.share(() => work('first', open.promise));
  const second = gate.share(() => work('second'));
  await turn();
  const removal = gate.alone(() => work('removal'));
  const failing = gate.alone(() => Promise.reject(new Error('no')));
  const later = gate.share(() => work('later'));
  await turn();
  await turn();
  assert.deepEqual(trace, ['begin first', 'begin second', 'end second']);
  open.resolve();
  await assert.rejects(failing, /no/);
  await Promise.all([first, second, removal, later]);
  assert.deepEqual(trace.slice(3), ['end first', 'begin removal', 'end removal', 'begin later', 'end later']);
});

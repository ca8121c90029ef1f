import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { buildDoubling } from '../../agent/src/testing/build-onnx.ts';
import { Lab } from '../support/lab.ts';

type Report = Awaited<ReturnType<Lab['report']>>;

/** A harness that is wrong is wrong every time; a neighbour on the machine comes and goes. */
const attempts = 4;

describe('the report says how long what takes a known time takes', () => {
  let lab: Lab;

  before(async () => {
    lab = new Lab();
    await lab.startCoordinator();
    await lab.startAgent('bench', '--backends', 'noop');
    await lab.qfleetOk('model', 'add', writeBusy('busy', 5_000_000), '--preset', 'raw');
    await lab.qfleetOk('variant', 'add', 'busy', writeBusy('busier', 5_500_000));
  });

  after(async () => lab?.[Symbol.asyncDispose]());

  function writeBusy(name: string, busyNs: number): string {
    const path = join(lab.folder, `${name}.onnx`);
    writeFileSync(path, buildDoubling(['N', 4], `qfleet.noop busy_ns=${busyNs}`));
    return path;
  }

  test('a variant that is busy for 5 ms is reported within 2 %, and one that is busy 10 % longer is called slower', async (t) => {
    const misses: string[] = [];
    for (let attempt = 1; attempt <= attempts; attempt++) {
      const miss = await measure().then(checkTimes, String);
      if (miss === undefined) return;
      t.diagnostic(`attempt ${attempt}: ${miss}`);
      misses.push(miss);
    }
    assert.fail(`not one of ${attempts} runs gave the known times: ${misses.join('; ')}`);
  });

  async function measure(): Promise<Report> {
    const plan = [
      '--model',
      'busy',
      '--backends',
      'noop',
      '--duration',
      '500',
      '--repeats',
      '0',
      '--no-counters',
      '--no-probe',
    ];
    await lab.qfleetOk('run', 'create', ...plan, '--wait');
    return await lab.report();
  }
});

/** What is wrong with the times, or nothing. */
function checkTimes({ cells }: Report): string | undefined {
  const cellOf = (name: string) =>
    cells.find((cell: { variant: { name: string } }) => cell.variant.name === name);
  const p50 = cellOf('fp32').readings['latency.p50'];
  assert.equal(p50.unit, 'ns');
  if (Math.abs(p50.value - 5e6) > 0.02 * 5e6) return `p50 is ${p50.value} ns`;
  const speedup = cellOf('busier').readings['speedup'];
  if (Math.abs(speedup.value - 1 / 1.1) >= 0.02) return `speed-up is ${speedup.value}`;
  if (speedup.interval.high >= 1) return `the speed-up's interval reaches ${speedup.interval.high}`;
  if (cellOf('busier').speed !== 'slower') return `busier is called ${cellOf('busier').speed}`;
  return undefined;
}

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { listIntegerWeights } from '../coordinator/src/onnx/integer-weight-rows.ts';
import { type ChannelRisk, scanChannels } from '../coordinator/src/onnx/scan-saturation.ts';
import { writeModel } from '../coordinator/src/onnx/write-model.ts';
import { runModel } from './support/run-model.ts';
import { buildProbes, joinProbes, type Probe } from './support/saturation-model.ts';

/** Outputs by name, numbers only. */
type Outputs = ReadonlyMap<string, readonly number[]>;

/** Operators that never saturate: 32 bits throughout in the one, weights on the left in the other. */
const exactEverywhere = ['conv-depthwise', 'conv-integer'];

const emulator = 'qemu-x86_64-static';
const full = buildProbes(8);
const reduced = buildProbes(7);

describe('int8 weights on x86', { skip: process.arch === 'x64' ? false : 'this machine is not x64' }, () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'qfleet-saturation-'));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  it('with VNNI: all kernels agree with the reference, whatever the weights', {
    skip: whyNoVnni(),
  }, async () => {
    for (const probes of [full, reduced]) {
      const outputs = await run(probes);
      for (const probe of probes) assert.deepEqual(outputs.get(probe.name), exactOutputs(probe), probe.name);
    }
  });

  // `max` is everything that the emulator knows, which is AVX2 without VNNI.
  for (const cpu of ['max', 'Haswell']) {
    describe(`without VNNI, as ${cpu}`, { skip: whyNoEmulator() }, () => {
      let outputs: Outputs;
      before(async () => {
        outputs = await run(full, [emulator, '-cpu', cpu]);
      });

      for (const probe of full) {
        it(`${probe.name}: channels that the scan names are off by what it says, the others exact`, () => {
          const risks = risksOf(probe);
          assert.deepEqual(
            outputs.get(probe.name)!.slice(0, channelsOf(probe)),
            saturatedOutputs(probe, risks),
          );
          const isExpected = exactEverywhere.includes(probe.name);
          assert.equal(risks.length > 0, !isExpected, 'the probe should have channels at risk');
        });

        it(`${probe.name}: channels that the scan does not name are exact for random inputs as well`, () => {
          const names = new Set(risksOf(probe).map(({ channel }) => channel));
          const safe = (values: readonly number[]): number[] =>
            values.filter((_, i) => !names.has(i % channelsOf(probe)));
          assert.deepEqual(safe(outputs.get(probe.name)!), safe(exactOutputs(probe)));
        });
      }

      it('weights of 7 bits are exact in every channel, and the scan names none', async () => {
        const found = await run(reduced, [emulator, '-cpu', cpu]);
        for (const probe of reduced) {
          assert.deepEqual(risksOf(probe), [], probe.name);
          assert.deepEqual(found.get(probe.name), exactOutputs(probe), probe.name);
        }
      });
    });
  }

  async function run(probes: readonly Probe[], program?: readonly string[]): Promise<Outputs> {
    const { model, feeds } = joinProbes(probes);
    const path = join(folder, `${probes === full ? 'full' : 'reduced'}.onnx`);
    await writeFile(path, writeModel(model));
    const outputs = await runModel({ path, feeds, ...(program ? { emulator: program } : {}) });
    return new Map(Object.entries(outputs).map(([name, { data }]) => [name, data]));
  }
});

describe('the probes of saturation', () => {
  it('have channels at risk that show in the output, and channels that overflow only at odd places', () => {
    for (const probe of full.filter(({ name }) => !exactEverywhere.includes(name))) {
      const risks = risksOf(probe);
      const saturated = saturatedOutputs(probe, risks);
      const wrong = exactOutputs(probe).flatMap((value, i) =>
        i < saturated.length && value !== saturated[i] ? [i] : [],
      );
      const certain = Array.from({ length: channelsOf(probe) }, (_, i) => i).filter((i) => i % 4 < 2);
      assert.ok(
        certain.every((channel) => wrong.includes(channel)),
        probe.name,
      );
      assert.ok(
        risks.every(({ channel }) => channel % 4 !== 2),
        probe.name,
      );
    }
  });
});

function risksOf(probe: Probe): ChannelRisk[] {
  return listIntegerWeights(joinProbes([probe]).model.graph!).known.flatMap(scanChannels);
}

function exactOutputs({ sums, output }: Probe): number[] {
  return Array.from(sums.data, (sum, i) => output(sum, i % sums.dims[1]!));
}

/** What the kernel without VNNI makes of row or image 0, all 255, if the scan is right. */
function saturatedOutputs({ sums, output }: Probe, risks: readonly ChannelRisk[]): number[] {
  const errors = new Map(risks.map(({ channel, errorAt255 }) => [channel, errorAt255]));
  return Array.from({ length: sums.dims[1]! }, (_, c) => output(sums.data[c]! + (errors.get(c) ?? 0), c));
}

function channelsOf({ sums }: Probe): number {
  return sums.dims[1]!;
}

function whyNoVnni(): string | false {
  const hasVnni =
    existsSync('/proc/cpuinfo') && /avx512_vnni|avx_vnni/.test(readFileSync('/proc/cpuinfo', 'utf8'));
  return hasVnni ? false : 'this processor has no VNNI';
}

function whyNoEmulator(): string | false {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  return folders.some((folder) => existsSync(join(folder, emulator)))
    ? false
    : `${emulator} is not installed; on Debian or Ubuntu: sudo apt install qemu-user-static`;
}

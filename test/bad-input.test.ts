import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { createRandom } from '@qfleet/shared/random.ts';
import { buildClassifier, buildDoubling } from '../agent/src/testing/build-onnx.ts';
import { encodeNpy } from '../coordinator/src/artefacts/testing/encode-npy.ts';
import { writeNpz } from '../coordinator/src/cli/demo/write-npz.ts';
import { refusedModels } from '../coordinator/src/onnx/fixtures/refused-models.ts';
import { type Finished, Lab, type Running, until } from './support/lab.ts';
import { projectFolder } from './support/project-folder.ts';
import { realModels } from './support/real-models.ts';
import { mountSmallDisk, needsSmallDisk } from './support/small-disk.ts';

/** Sides, pixels and classes of the little classifier that most of these tests feed. */
const side = 4;
const pixels = side * side;
const classes = 10;

/** A command has to fail with that exit code, say what is wrong, and what to do in a line of its own. */
function assertRefused(finished: Finished, code: number, problem: RegExp, remedy: RegExp): void {
  const lines = finished.stderr.trimEnd().split('\n');
  const at = lines.findIndex((line) => /^qfleet(-agent)?: /.test(line));
  assert.equal(finished.code, code, finished.stderr);
  assert.match(lines[at] ?? '', problem);
  assert.match(lines.slice(at + 1).join('\n'), remedy, finished.stderr);
  assert.doesNotMatch(finished.stderr, /\n\s+at |ENOENT|undefined|\[object/, 'no stack, no riddle');
}

/** Writes what most runs here need: few launches, short ones, no probe of the device. */
function writePlan(lab: Lab): string {
  const path = join(lab.folder, 'quick.yaml');
  const timing =
    'timing: {launches: 2, minSamples: 10, minDurationMs: 5, maxWarmupSamples: 5, operatorProfile: false, counters: false, repeats: 0}';
  writeFileSync(path, `model: doubling\nprobeMaxAgeHours: -1\n${timing}\n`);
  return path;
}

async function writeImages(
  path: string,
  options: { count?: number; size?: number; labels?: number; labelOf?: (index: number) => number } = {},
): Promise<void> {
  const { count = 40, size = side, labels = count, labelOf = (i) => i % classes } = options;
  const random = createRandom(1);
  const data = Uint8Array.from({ length: count * size * size }, () => random.below(256));
  await writeNpz(path, {
    images: { data, shape: [count, size, size, 1] },
    labels: { data: Uint8Array.from({ length: labels }, (_, i) => labelOf(i)), shape: [labels] },
  });
}

interface Run {
  readonly id: string;
  readonly state: string;
  readonly reason: string;
  readonly notes: readonly string[];
  readonly jobs: readonly {
    readonly kind: string;
    readonly state: string;
    readonly attempts: number;
    readonly progress?: { readonly step: string };
    readonly failure?: { readonly class: string; readonly message: string; readonly hint?: string };
  }[];
}

async function showRun(lab: Lab, id = 'latest'): Promise<Run> {
  return JSON.parse(await lab.qfleetOk('run', 'show', id, '-o', 'json'));
}

describe('bad input', { concurrency: 3 }, () => {
  describe('on one coordinator', { concurrency: false }, () => {
    let lab: Lab;
    let plan: string;
    const file = (name: string): string => join(lab.folder, name);
    const write = (name: string, bytes: Uint8Array | string): string => {
      writeFileSync(file(name), bytes);
      return file(name);
    };
    const add = (path: string, ...args: string[]): Promise<Finished> =>
      lab.qfleet('model', 'add', path, '--preset', 'raw', ...args);

    before(async () => {
      lab = new Lab();
      plan = writePlan(lab);
      await lab.startCoordinator();
    });

    after(async () => lab?.[Symbol.asyncDispose]());

    test('files that are no whole ONNX model are refused with what they seem to be, and leave nothing', async () => {
      const whole = buildClassifier(['N', 1, side, side], { pixels, classes, values: Array(160).fill(1) });
      const random = createRandom(7);
      const noise = Uint8Array.from({ length: 5000 }, () => random.below(256));
      const cases: [string, Uint8Array | string, RegExp, RegExp][] = [
        [
          'truncated.onnx',
          whole.subarray(0, 400),
          /truncated or no ONNX model \(400 bytes/,
          /Compare its size/,
        ],
        ['noise.onnx', noise, /truncated or no ONNX model/, /download it again/],
        ['empty.onnx', '', /file is empty/, /download it again/],
        ['page.onnx', '<!DOCTYPE html><html></html>', /a web page/, /raw file/],
        [
          'pointer.onnx',
          'version https://git-lfs.github.com/spec/v1\noid sha256:0\n',
          /git-LFS pointer/,
          /git lfs pull/,
        ],
      ];
      const finished = await Promise.all(cases.map(([name, bytes]) => add(write(name, bytes))));
      for (const [i, [, , problem, remedy]] of cases.entries())
        assertRefused(finished[i]!, 1, problem, remedy);
      assertRefused(
        await add(file('nowhere.onnx')),
        1,
        /no file or folder .*nowhere\.onnx/,
        /Check the path/,
      );
      assertRefused(await add(lab.folder), 1, /no regular file/, /file itself/);
      assert.deepEqual(JSON.parse(await lab.qfleetOk('model', 'ls', '-o', 'json')), []);
    });

    test('a model of 5 GB is refused by its size, without being read', async () => {
      truncateSync(write('huge.onnx', ''), 5e9);
      assertRefused(await add(file('huge.onnx')), 1, /5\.0 GB/, /smaller model/);
    });

    test('a model with open image size is taken for any, and for one size with a contract', async () => {
      const open = write('open.onnx', buildDoubling(['N', 3, 'H', 'W']));
      const any = await add(open);
      assert.equal(any.code, 0, any.stderr);
      assert.match(any.stderr, /NCHW RGB any width x any height/);
      const contract = write('contract.yaml', 'height: 8\nwidth: 8\n');
      const other = write('other.onnx', buildDoubling(['N', 3, 'H', 'W'], 'another file'));
      const taken = await lab.qfleet('model', 'add', other, '--contract', contract);
      assert.equal(taken.code, 0, taken.stderr);
      assert.match(taken.stderr, /NCHW RGB .*8x8/);
    });

    const refusals: [keyof typeof refusedModels, RegExp, RegExp][] = [
      ['git-lfs-pointer', /git-LFS pointer/, /git lfs pull/],
      ['unregistered-op', /No Op registered for RequantShift/, /without custom operators/],
      ['bad-gemm-rank', /\(Gemm\).*rank 2/, /export it again/],
      ['needs-extensions', /com\.microsoft\.extensions/, /onnxruntime-extensions/],
      ['non-tensor-output', /output "loss" is a sequence/, /Export without it/],
    ];
    for (const [name, problem, remedy] of refusals) {
      test(`${name}.onnx is refused with the reason`, async () => {
        assertRefused(await add(write(`${name}.onnx`, refusedModels[name]())), 1, problem, remedy);
      });
    }

    /** With ConvInteger and MatMulInteger, by ONNX Runtime's quantizer. */
    const integerConvolution = join(projectFolder, 'test/foreign/ort-dynamic.onnx');
    test('a model quantized elsewhere is taken as it is, and refused by quantize', async () => {
      const added = await add(integerConvolution, '--name', 'integer');
      assert.equal(added.code, 0, added.stderr);
      assert.match(added.stderr, /Next: \.\/qfleet run create --model integer .*quantized already/);
      await writeImages(file('few.npz'), { count: 3, size: 8 });
      await lab.qfleetOk('dataset', 'add', file('few.npz'), '--split', 'none');
      const quantized = await lab.qfleet(
        'quantize',
        'integer',
        '--calibration',
        'few',
        '--recipe',
        'int8-per-tensor',
      );
      assertRefused(
        quantized,
        1,
        /quantized already: it has \d+ operators like/,
        /float32 model that it was made from/,
      );
    });

    test('datasets that hold nothing, too little or NaN are refused, and leave nothing', async () => {
      const values = new Float32Array(5 * pixels).fill(0.5);
      values[2 * pixels + 3] = Number.NaN;
      write('nan.npy', encodeNpy('<f4', [5, 1, side, side], values));
      await writeImages(file('unlabelled.npz'), { labels: 39 });
      await writeImages(file('none.npz'), { count: 0 });
      await writeImages(file('small.npz'), { count: 12 });
      mkdirSync(file('no-images'));
      const before = await lab.qfleetOk('dataset', 'ls', '-o', 'json');
      const cases: [string[], RegExp, RegExp][] = [
        [[file('nan.npy')], /item 2 has NaN at position 3/, /Remove that item/],
        [[file('unlabelled.npz')], /40 items, but there are 39 labels/, /one label/],
        [[file('none.npz')], /holds no items/, /at least one item/],
        [[file('no-images')], /holds no images/, /sub-folders by class/],
        [[file('small.npz'), '--split', '12'], /of 12 items, 1 to 11 can be taken/, /--split none/],
        [[plan], /no dataset of a known format/, /Supported: \.npy/],
        [[file('nowhere')], /no dataset at .*nowhere/, /Check the path/],
      ];
      const finished = await Promise.all(cases.map(([args]) => lab.qfleet('dataset', 'add', ...args)));
      for (const [i, [, problem, remedy]] of cases.entries()) assertRefused(finished[i]!, 1, problem, remedy);
      assert.equal(await lab.qfleetOk('dataset', 'ls', '-o', 'json'), before);
    });

    test('mistakes on the command line end with 2 and name what was meant', async () => {
      const mistakes: [string[], RegExp, RegExp][] = [
        [['quantise', 'm'], /unknown command 'quantise'/, /mean quantize/],
        [['model', 'ad', 'x'], /unknown command 'ad'/, /mean add/],
        [['run', 'create', '--modle', 'x'], /unknown option '--modle'/, /mean --model/],
        [['run', 'create'], /model: missing/, /qfleet run create --model NAME/],
        [['run', 'create', '--model', 'm', '--limit', 'x'], /whole number/, /--help/],
        [['quantize', 'm', '--calibration', 'x'], /'--recipe <names>' not specified/, /--help/],
      ];
      const finished = await Promise.all(mistakes.map(([args]) => lab.qfleet(...args)));
      for (const [i, [, problem, remedy]] of mistakes.entries())
        assertRefused(finished[i]!, 2, problem, remedy);
    });

    test('a plan with fields that do not exist is refused with those that were meant', async () => {
      const misspelt = write('misspelt.yaml', 'model: m\nvarients: [a]\nlaunchs: 3\n');
      const finished = await lab.qfleet('run', 'create', misspelt);
      assertRefused(finished, 2, /varients.*launchs/, /Did you mean variants and timing\.launches\?/);
      const broken = await lab.qfleet('run', 'create', write('broken.yaml', 'model: [m\n'));
      assert.equal(broken.code, 2);
      assert.match(broken.stderr, /neither YAML nor JSON/);
    });

    test('names that do not exist are answered with the nearest, or with how to make the first', async () => {
      await add(write('doubling.onnx', buildDoubling(['N', 4])));
      const unknown: [string[], RegExp, RegExp][] = [
        [['run', 'create', '--model', 'dubling'], /no model "dubling"/, /mean doubling/],
        [
          ['quantize', 'doubling', '--calibration', 'nothing', '--recipe', 'int8-per-tensor'],
          /no dataset "nothing"/,
          /Known|qfleet dataset add/,
        ],
        [['report', 'nothing'], /no run "nothing"/, /qfleet run create/],
        [['device', 'show', 'nothing'], /no device "nothing"/, /qfleet device add/],
      ];
      const finished = await Promise.all(unknown.map(([args]) => lab.qfleet(...args)));
      for (const [i, [, problem, remedy]] of unknown.entries())
        assertRefused(finished[i]!, 1, problem, remedy);
    });

    test('a run without an agent is refused with how to start one', async () => {
      const finished = await lab.qfleet('run', 'create', plan);
      assertRefused(finished, 1, /No agent is connected/, /qfleet-agent run --identity/);
    });

    describe('with an agent', () => {
      let agent: Running;

      before(async () => {
        agent = await lab.startAgent('board', '--backends', 'onnxruntime-cpu,noop');
        const random = createRandom(3);
        const values = Array.from({ length: pixels * classes }, () => random.next() - 0.5);
        const classifier = buildClassifier(['N', 1, side, side], { pixels, classes, values });
        await add(write('classifier.onnx', classifier));
        await writeImages(file('digits.npz'));
        await lab.qfleetOk('dataset', 'add', file('digits.npz'), '--split', 'none');
      });

      test('a variant that kills its runner costs neither the others their timings nor the agent its life', async () => {
        const crash = write('crashing.onnx', buildDoubling(['N', 4], 'qfleet.noop crash=SIGSEGV'));
        await lab.qfleetOk('variant', 'add', 'doubling', crash);
        const finished = await lab.qfleet('run', 'create', plan, '--backends', 'noop', '--wait');
        assertRefused(
          finished,
          5,
          /completed without some of what was asked \(crashed: 1\)/,
          /qfleet run show/,
        );
        const run = await showRun(lab);
        assert.equal(run.state, 'completed-with-failures');
        assert.equal(run.jobs[0]?.state, 'completed');
        assert.match(run.jobs[0]?.failure?.message ?? '', /crashing was not timed: SIGSEGV ended the runner/);
        const { cells } = await lab.report();
        const readingOf = (name: string) =>
          cells.find((cell: { variant: { name: string } }) => cell.variant.name === name).readings[
            'latency.p50'
          ];
        assert.equal(readingOf('fp32').status, 'measured');
        assert.equal(readingOf('crashing').status, 'unavailable');
        assert.equal(readingOf('crashing').value, undefined);
        assert.match(readingOf('crashing').reason, /crashed: SIGSEGV/);
        assert.match(await lab.qfleetOk('report', 'latest'), /crashed: SIGSEGV/);
        assert.equal(agent.child.exitCode, null);
      });

      test('a model that does not take its input fails once, with what to do, and the run says so', async () => {
        await add(realModels['silero-vad'], '--name', 'voice');
        const order = ['run', 'create', plan, '--model', 'voice', '--backends', 'onnxruntime-cpu', '--wait'];
        assertRefused(
          await lab.qfleet(...order),
          5,
          /1 of 1 job did not complete \(bad-input: 1\)/,
          /qfleet run show/,
        );
        const run = await showRun(lab);
        assert.equal(run.state, 'failed');
        assert.equal(run.jobs[0]?.attempts, 1, 'it is not tried again in vain');
        assert.match(
          run.jobs[0]?.failure?.message ?? '',
          /leaves dimensions of its inputs open: input \[\?, \?\]/,
        );
        assert.match(run.jobs[0]?.failure?.hint ?? '', /dimensions/);
      });

      test('a dataset of another shape than the model takes is refused before a job is made', async () => {
        write(
          'vectors.npy',
          encodeNpy(
            '|u1',
            [20, 7],
            Uint8Array.from({ length: 140 }, (_, i) => i),
          ),
        );
        await lab.qfleetOk('dataset', 'add', file('vectors.npy'), '--split', 'none');
        const order = ['run', 'create', plan, '--model', 'classifier', '--dataset', 'vectors'];
        assertRefused(
          await lab.qfleet(...order),
          1,
          /expects items of \[4, 4, 1\].*vectors are uint8 \[7\]/,
          /dataset of images/,
        );
      });

      test('labels that are not the model’s give outputs and agreement, and accuracy with the reason why not', async () => {
        await writeImages(file('strange.npz'), { labelOf: (i) => (i === 3 ? 250 : i % classes) });
        await lab.qfleetOk('dataset', 'add', file('strange.npz'), '--split', 'none');
        const order = ['run', 'create', plan, '--model', 'classifier', '--dataset', 'strange'];
        await lab.qfleetOk(...order, '--backends', 'onnxruntime-cpu', '--no-timing', '--wait');
        const run = await showRun(lab);
        assert.equal(run.state, 'completed');
        assert.match(
          run.notes.join(),
          /Accuracy will be unavailable: labels-do-not-fit: dataset has 251 classes, model has 10/,
        );
        const { cells } = await lab.report();
        assert.equal(cells[0].readings['accuracy.top1'].status, 'unavailable');
        assert.match(cells[0].readings['accuracy.top1'].reason, /labels-do-not-fit/);
      });

      test('a recipe that does not exist is answered with the nearest', async () => {
        const order = ['quantize', 'classifier', '--calibration', 'digits', '--recipe', 'int8-per-chanel'];
        assertRefused(await lab.qfleet(...order), 1, /no recipe "int8-per-chanel"/, /mean int8-per-channel/);
      });

      test('a variant is not judged on the inputs that calibrated it, unless the plan allows it', async () => {
        await lab.qfleetOk(
          'quantize',
          'classifier',
          '--calibration',
          'digits',
          '--recipe',
          'int8-per-tensor,int8-per-tensor',
        );
        const variants = JSON.parse(await lab.qfleetOk('variant', 'ls', 'classifier', '-o', 'json'));
        assert.equal(variants.length, 2, 'a recipe named twice is applied once');
        const order = ['run', 'create', plan, '--model', 'classifier', '--dataset', 'digits', '--no-timing'];
        assertRefused(
          await lab.qfleet(...order),
          1,
          /40 of 40 evaluation inputs were used to calibrate/,
          /--allow-overlap/,
        );
        await lab.qfleetOk(...order, '--allow-overlap', '--backends', 'onnxruntime-cpu', '--wait');
        assert.match((await showRun(lab)).notes.join(), /40 of 40.*the plan allows it/);
      });

      test('a backend that the device does not offer leaves nothing to do, and is named', async () => {
        const finished = await lab.qfleet('run', 'create', plan, '--backends', 'onnxruntime-gpu');
        assertRefused(
          finished,
          1,
          /nothing to do.*onnxruntime-gpu is left out on board/,
          /qfleet device show/,
        );
      });
    });

    test('an agent that cannot join says why, and what to do', async () => {
      await lab.qfleetOk('device', 'add', 'stray', '--out', file('agents/stray'));
      const closed = lab.startAgentLater('stray', '--backends', 'noop', '--coordinator', '127.0.0.1:1');
      await until(
        'it says that nobody listens',
        () => /Nothing listens at 127\.0\.0\.1:1 .*qfleet up/.test(closed.said()),
        closed,
      );
      await closed.stop();
      const api = new URL(JSON.parse(readFileSync(join(lab.data, 'operator.json'), 'utf8')).url).host;
      const astray = lab.startAgentLater('stray', '--backends', 'noop', '--coordinator', api);
      await until('it says that this is no TLS', () => /does not speak TLS/.test(astray.said()), astray);
      await astray.stop();
      await using other = new Lab();
      await other.startCoordinator();
      await other.qfleetOk('device', 'add', 'guest', '--out', join(other.folder, 'agents', 'guest'));
      const [, address] = /coordinator: (\S+)/.exec(await other.readFile('agents/guest/agent.yaml')) ?? [];
      const foreign = lab.startAgentLater('stray', '--backends', 'noop', '--coordinator', address ?? '');
      await until(
        'it says that the coordinator is another',
        () => /is another coordinator .*device add/.test(foreign.said()),
        foreign,
      );
      assert.doesNotMatch(foreign.said(), /DeprecationWarning/);
      await foreign.stop();
      await lab.qfleetOk('device', 'revoke', 'stray');
      const revoked = lab.startAgentLater('stray', '--backends', 'noop');
      await until(
        'it says that it is no member',
        () => /not, or no longer, a member of the fleet/.test(revoked.said()),
        revoked,
      );
      assert.equal((await lab.agentCommand('run')).code, 78);
      assertRefused(
        await lab.agentCommand('run', '--identity', 'nowhere'),
        78,
        /no identity folder/,
        /qfleet device add/,
      );
    });
  });

  test(
    'a full disk of an agent fails the run and not the agent, which works again when there is space',
    needsSmallDisk(),
    async () => {
      await using lab = new Lab();
      using disk = mountSmallDisk(join(lab.folder, 'card'), 80);
      const plan = writePlan(lab);
      await lab.startCoordinator();
      const agent = await lab.startAgent(
        'board',
        '--backends',
        'noop',
        '--state',
        join(lab.folder, 'card/state'),
      );
      const model = join(lab.folder, 'doubling.onnx');
      writeFileSync(model, buildDoubling(['N', 4]));
      await lab.qfleetOk('model', 'add', model, '--preset', 'raw');
      await disk.fill();
      const order = ['run', 'create', plan, '--backends', 'noop', '--wait'];
      const finished = await lab.qfleet(...order);
      assert.match(finished.stderr, /attempt 1 failed, another follows: disk-full/);
      assertRefused(finished, 5, /1 of 1 job did not complete \(disk-full: 1\)/, /qfleet run show/);
      const run = await showRun(lab);
      assert.equal(run.state, 'failed');
      assert.match(run.jobs[0]?.failure?.message ?? '', /disk.* is full/);
      assert.match(run.jobs[0]?.failure?.hint ?? '', /Free some space/);
      assert.equal(agent.child.exitCode, null);
      disk.free();
      await lab.qfleetOk(...order);
      assert.equal((await showRun(lab)).state, 'completed');
    },
  );

  test(
    'a full disk of the coordinator is said, loses nothing, and is over when there is space',
    needsSmallDisk(),
    async () => {
      await using lab = new Lab();
      using disk = mountSmallDisk(lab.data, 40);
      const plan = writePlan(lab);
      await lab.startCoordinator();
      const agent = await lab.startAgent('board', '--backends', 'noop');
      const model = join(lab.folder, 'doubling.onnx');
      writeFileSync(model, buildDoubling(['N', 4], 'qfleet.noop busy_ns=1000000'));
      await lab.qfleetOk('model', 'add', model, '--preset', 'raw');
      const order = ['run', 'create', plan, '--backends', 'noop', '--launches', '6', '--duration', '700'];
      const id = (await lab.qfleetOk(...order)).trim();
      await until('the job is with the agent', () => /Job taken/.test(agent.said()), agent);
      await disk.fill();
      const big = join(lab.folder, 'other.onnx');
      writeFileSync(big, buildDoubling(['N', 5], 'x'.repeat(500_000)));
      assertRefused(
        await lab.qfleet('model', 'add', big, '--preset', 'raw'),
        75,
        /disk .* is full; nothing was stored/,
        /qfleet gc/,
      );
      const added = await lab.qfleet('device', 'add', 'other', '--out', join(lab.folder, 'other'));
      assertRefused(added, 75, /disk .* is full; nothing was stored/, /Free some space/);
      await until('the agent is told', () => /disk .* is full/.test(agent.said()), agent);
      const second = await lab.qfleet(
        'up',
        '--data',
        join(lab.data, 'second'),
        '--port',
        '0',
        '--listen',
        '127.0.0.1:0',
      );
      assertRefused(second, 75, /disk .*is full/, /Free some space/);
      disk.free();
      await until('the run has ended', async () => (await showRun(lab, id)).state !== 'running');
      const run = await showRun(lab, id);
      assert.equal(run.state, 'completed', run.reason);
      assert.equal(agent.said().match(/Job taken/g)?.length, 1, 'nothing was measured again');
      const { cells } = await lab.report(id);
      assert.equal(cells[0].readings['latency.p50'].status, 'measured');
      await lab.qfleetOk('model', 'add', big, '--preset', 'raw');
      await lab.qfleetOk('device', 'add', 'other', '--out', join(lab.folder, 'other'));
    },
  );
});

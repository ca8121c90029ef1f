/**
 * `npm run gen`: makes the generated files again. With `--check` nothing is left changed, and the exit
 * code says whether they were up to date.
 */
import { spawnSync } from 'node:child_process';
import { globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const project = fileURLToPath(new URL('..', import.meta.url));

const generators: readonly { readonly outputs: readonly string[]; readonly command: readonly string[] }[] = [
  {
    outputs: ['shared/gen/**/*.ts'],
    command: [
      'proto-loader-gen-types',
      '--longs=Number',
      '--enums=String',
      '--defaults',
      '--oneofs',
      '--grpcLib=@grpc/grpc-js',
      '--importFileExtension=.ts',
      '--targetFileExtension=.ts',
      '--includeDirs=proto',
      '--outDir=shared/gen',
      'qfleet/v1/agent.proto',
    ],
  },
  {
    outputs: ['coordinator/gen/**/*'],
    command: ['buf', 'generate', 'proto', '--template', 'proto/buf.gen.yaml', '--path', 'proto/onnx'],
  },
  { outputs: ['agent/src/probes/kernels.wasm'], command: ['node', 'agent/src/probes/assemble-kernels.ts'] },
  {
    outputs: ['agent/src/backends/registry.gen.ts'],
    command: ['node', 'agent/src/backends/generate-registry.ts'],
  },
];

const isCheck = process.argv.includes('--check');
let stale = 0;
for (const { outputs, command } of generators) {
  const before = readOutputs(outputs);
  const [program, ...args] = command;
  const { status } = spawnSync(program ?? '', args, { cwd: project, stdio: ['ignore', 'ignore', 'inherit'] });
  if (status !== 0) {
    process.stderr.write(`${command.join(' ')} failed\n`);
    process.exit(1);
  }
  if (!isCheck) continue;
  const after = readOutputs(outputs);
  const changed = [...new Set([...before.keys(), ...after.keys()])].filter(
    (path) => !isSame(before.get(path), after.get(path)),
  );
  for (const path of changed) process.stderr.write(`out of date: ${path}; run: npm run gen\n`);
  stale += changed.length;
  restore(before, after);
}
process.exit(stale === 0 ? 0 : 1);

function readOutputs(patterns: readonly string[]): Map<string, Buffer> {
  const files = patterns
    .flatMap((pattern) => globSync(pattern, { cwd: project, withFileTypes: true }))
    .filter((entry) => entry.isFile());
  return new Map(
    files.map((entry) => join(entry.parentPath, entry.name)).map((path) => [path, readFileSync(path)]),
  );
}

function isSame(a: Buffer | undefined, b: Buffer | undefined): boolean {
  return a !== undefined && b !== undefined && a.equals(b);
}

function restore(before: ReadonlyMap<string, Buffer>, after: ReadonlyMap<string, Buffer>): void {
  for (const path of after.keys()) if (!before.has(path)) rmSync(path);
  for (const [path, bytes] of before) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, bytes);
  }
}

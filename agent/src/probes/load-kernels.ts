import { readFile } from 'node:fs/promises';

/** The exports of `kernels.wasm`; addresses and lengths in bytes, as its text says. */
export interface Kernels {
  copy(to: number, from: number, bytes: number): void;
  scale(to: number, from: number, bytes: number, q: number): void;
  add(to: number, a: number, b: number, bytes: number): void;
  triad(to: number, b: number, c: number, bytes: number, q: number): void;
  read(from: number, bytes: number): number;
  fill(to: number, bytes: number, value: number): void;
  deviation(from: number, bytes: number, expected: number): number;
  chase(at: number, steps: number): number;
  fibonacci(rounds: number): number;
}

/** A compiled module; it may be handed to other threads. */
export type KernelModule = object;

/** Memory for the kernels, which all threads share. */
export interface KernelMemory {
  readonly buffer: SharedArrayBuffer;
}

/** Compiles the committed `kernels.wasm`. */
export async function compileKernels(): Promise<KernelModule> {
  return engine().compile(await readFile(new URL('./kernels.wasm', import.meta.url)));
}

/** Memory of at least `bytes`, zero and untouched; the system gives pages when they are first written. */
export function createKernelMemory(bytes: number): KernelMemory {
  const pages = Math.ceil(bytes / pageBytes);
  return new (engine().Memory)({ initial: pages, maximum: pages, shared: true });
}

/** The kernels over one memory, for the thread that calls it. */
export function bindKernels(module: KernelModule, memory: KernelMemory): Kernels {
  return new (engine().Instance)(module, { probe: { memory } }).exports as Kernels;
}

const pageBytes = 65536;

/** The part of the WebAssembly interface that is used: TypeScript declares it only together with the DOM. */
interface WebAssemblyEngine {
  compile(bytes: Uint8Array): Promise<KernelModule>;
  readonly Memory: new (size: { initial: number; maximum: number; shared: true }) => KernelMemory;
  readonly Instance: new (module: KernelModule, imports: object) => { readonly exports: unknown };
}

function engine(): WebAssemblyEngine {
  return (globalThis as unknown as { WebAssembly: WebAssemblyEngine }).WebAssembly;
}

import type { Reading } from '@qfleet/shared/reading.ts';
import type { VariantRecord } from '../artefacts/artefacts.ts';
import type { KernelTarget } from '../onnx/predict-kernels.ts';
import type { Cell } from './cell.ts';

/** How much of one variant runs on integers in one place. */
export interface Compatibility {
  /** Layers that multiply and accumulate, by the kernel that took them. */
  readonly integer: number;
  readonly float: number;
  /** Layers for which no kernel of that name was found, or none that tells what it computed on. */
  readonly unmatched: number;
  /** Share of the multiply-accumulates of the layers found, 0…1; undefined where none was. */
  readonly macShare: number | undefined;
  /** Share of their bytes likewise. */
  readonly byteShare: number | undefined;
  /** Operators that only quantize or dequantize. */
  readonly converts: number;
  /** Layers that the file let expect on integers, of those found; undefined without a prediction. */
  readonly expected: number | undefined;
  /** Layers that ran otherwise than expected. */
  readonly surprises: readonly {
    readonly layer: string;
    readonly expected: string;
    readonly found: string;
  }[];
  /** Why nothing is known, where nothing is. */
  readonly reason: string | undefined;
}

/** What became of a variant's layers in one cell, held against what its file let expect. */
export function readCompatibility(
  cell: Cell,
  record: Pick<VariantRecord, 'kernels'> | undefined,
  target: KernelTarget | undefined,
): Compatibility {
  // Where a runtime does not tell what a layer computed on, nothing is known of that layer.
  const layers = cell.layers.filter(({ kind }) => kind !== 'unknown');
  const isInteger = layers.filter(({ kind }) => kind === 'integer');
  const expectedOf = (name: string): string | undefined =>
    target === undefined ? undefined : record?.kernels?.[name]?.[target];
  const known = layers.filter(({ name }) => expectedOf(name) !== undefined);
  return {
    integer: isInteger.length,
    float: layers.length - isInteger.length,
    unmatched: cell.layersUnmatched + cell.layers.length - layers.length,
    macShare: shareOf(layers, ({ macs }) => macs),
    byteShare: shareOf(layers, ({ bytes }) => bytes ?? 0),
    converts: cell.operators
      .filter(({ kind }) => kind === 'convert')
      .reduce((sum, { count }) => sum + count, 0),
    expected:
      known.length > 0 ? known.filter(({ name }) => expectedOf(name) === 'integer').length : undefined,
    surprises: known
      .filter(({ name, kind }) => expectedOf(name) !== (kind === 'integer' ? 'integer' : 'float'))
      .map(({ name, kind }) => ({ layer: name, expected: expectedOf(name)!, found: kind })),
    reason: layers.length > 0 || cell.operators.length > 0 ? undefined : reasonOf(cell),
  };
}

function shareOf(
  layers: Cell['layers'],
  amount: (layer: Cell['layers'][number]) => number,
): number | undefined {
  const sum = (some: Cell['layers']): number => some.reduce((total, layer) => total + amount(layer), 0);
  const all = sum(layers);
  return all > 0 ? sum(layers.filter(({ kind }) => kind === 'integer')) / all : undefined;
}

function reasonOf(cell: Cell): string {
  const reading: Reading | undefined = cell.readings['operators.integer.share'];
  return reading?.status === 'unavailable' ? reading.reason : 'not-profiled';
}

/** ONNX Runtime's rules for a processor of this architecture; WebAssembly has those of x64. */
export function targetOf(architecture: string | undefined, backendId: string): KernelTarget | undefined {
  if (!/^onnxruntime-(cpu|wasm)$/.test(backendId)) return undefined;
  return architecture === 'arm64' && !backendId.includes('wasm') ? 'arm' : 'x64';
}

/** Layers that run on integers in one place and not in another, of one variant. */
export function differingLayers(cells: readonly Cell[]): {
  readonly layer: string;
  readonly kinds: readonly { readonly cell: Cell; readonly type: string; readonly kind: string }[];
}[] {
  const profiled = cells.filter(({ layers }) => layers.length > 0);
  const names = [...new Set(profiled.flatMap(({ layers }) => layers.map(({ name }) => name)))];
  return names.flatMap((layer) => {
    const kinds = profiled.flatMap((cell) => {
      const found = cell.layers.find(({ name }) => name === layer);
      return found ? [{ cell, type: found.type, kind: found.kind }] : [];
    });
    return new Set(kinds.map(({ kind }) => kind)).size > 1 ? [{ layer, kinds }] : [];
  });
}

/** Value of a share, 0…1. */

import type { Inventory } from '@qfleet/shared/inventory/inventory.ts';
import { readingValue } from '@qfleet/shared/reading.ts';
import type { Cell } from './cell.ts';

/** Shares of time below this are not worth a word. */
const notableShare = 0.1;
/** From this share of the memory roof on memory is what limits. */
const memoryBoundShare = 0.6;

/**
 * Why a variant of small integers is not faster than float32 in one place: in words, with the numbers that say so,
 * the largest first. Empty where it is faster, was not timed, or holds no 8-bit operators.
 */
export function explainInt8(
  cell: Cell,
  context: {
    /** Of the variant: `uint8/int8`, … */
    readonly format: string;
    readonly inventory: Inventory | undefined;
    /** The float32 variant in the same place. */
    readonly reference: Cell | undefined;
  },
): string[] {
  const { format, inventory, reference } = context;
  if (!format.includes('int8') || cell.isReference) return [];
  if (cell.speed === undefined || cell.speed === 'faster' || cell.speed === 'insufficient') return [];
  const share = (quantity: string): number | undefined => readingValue(cell.readings[quantity]);
  const convert = share('operators.convert.share');
  const transpose = share('operators.transpose.share');
  const integer = share('operators.integer.share');
  const floatLayers = cell.layers.filter(({ kind }) => kind === 'float');
  const bound = reference && readingValue(reference.readings['roof.memory.share']);
  const reasons: { readonly weight: number; readonly text: string }[] = [
    {
      weight: convert ?? 0,
      text: `${percent(convert)} of the time goes into quantizing and dequantizing (${countOf(cell, 'convert')} operators)`,
    },
    {
      weight: transpose ?? 0,
      text: `${percent(transpose)} of the time goes into moving data into other layouts`,
    },
    {
      weight: integer === undefined || convert === undefined ? 0 : 1 - integer - convert,
      text: `${percent(integer === undefined || convert === undefined ? undefined : 1 - integer - convert)} of the time is spent in operators that stayed float${namesOf(floatLayers)}`,
    },
    {
      weight: bound !== undefined && bound >= memoryBoundShare ? bound : 0,
      text: `float32 already takes ${percent(bound)} of what memory can give, so that only fewer bytes help`,
    },
    ...missingInstructions(cell, inventory),
  ];
  return reasons
    .filter(({ weight }) => weight >= notableShare)
    .toSorted((a, b) => b.weight - a.weight)
    .map(({ text }) => text);
}

/** Instructions that add four products of bytes at once. */
const dotProducts = /^(asimddp|i8mm|avx512_vnni|avx_vnni|amx_int8)$/;

function missingInstructions(
  { backend }: Cell,
  inventory: Inventory | undefined,
): { readonly weight: number; readonly text: string }[] {
  if (backend.id.includes('wasm')) {
    const text = 'WebAssembly has no instruction that multiplies bytes: int8 kernels widen everything first';
    return [{ weight: 0.5, text }];
  }
  if (!inventory || inventory.cpu.features.some((feature) => dotProducts.test(feature))) return [];
  const needed = inventory.architecture === 'arm64' ? 'SDOT/UDOT (asimddp)' : 'VNNI';
  const text = `${inventory.cpu.core ?? inventory.cpu.model} has no dot products of bytes (${needed})`;
  return [{ weight: 0.5, text }];
}

function countOf({ operators }: Cell, kind: string): number {
  return operators.filter((operator) => operator.kind === kind).reduce((sum, { count }) => sum + count, 0);
}

function namesOf(layers: Cell['layers']): string {
  if (layers.length === 0) return '';
  const names = layers.slice(0, 3).map(({ name, operator }) => `${name} (${operator})`);
  return `: ${names.join(', ')}${layers.length > 3 ? ` and ${layers.length - 3} more` : ''}`;
}

function percent(share: number | undefined): string {
  return share === undefined ? '–' : `${(100 * share).toFixed(0)} %`;
}

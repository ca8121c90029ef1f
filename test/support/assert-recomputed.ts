import assert from 'node:assert/strict';
import type { Recomputed } from './recompute-run.ts';

/** What is read here of a report's cell. */
export interface Cell {
  placeId: string;
  deviceId: string;
  deviceName: string;
  backend: { id: string };
  variant: { digest: string; name: string };
  // biome-ignore lint/suspicious/noExplicitAny: the report has its own schema test
  readings: Record<string, any>;
}

function ofCell(cell: Pick<Cell, 'placeId' | 'variant'>, recomputed: readonly Recomputed[]): Recomputed[] {
  const isOf = (one: Recomputed): boolean =>
    `${one.deviceId}/${one.backend}` === cell.placeId && one.variantDigest === cell.variant.digest;
  return recomputed.filter(isOf);
}

/** Accuracy and median latency of a cell are what was recomputed from the stored results. */
export function assertAgrees(cell: Cell, recomputed: readonly Recomputed[]): void {
  const byHand = ofCell(cell, recomputed);
  const top1 = byHand.find((one) => one.top1 !== undefined)?.top1;
  const p50 = byHand.find((one) => one.p50Ns !== undefined)?.p50Ns;
  assert.ok(
    top1 !== undefined && p50 !== undefined,
    `nothing recomputed for ${cell.deviceName} ${cell.variant.name}`,
  );
  assert.equal(cell.readings['accuracy.top1'].value, top1);
  assert.ok(Math.abs(cell.readings['latency.p50'].value - p50) <= 1e-9 * p50);
}

/** The changed answers of a comparison are what was recomputed from the stored answers. */
// biome-ignore lint/suspicious/noExplicitAny: the report has its own schema test
export function assertFlipsAgree(comparison: any, report: any, recomputed: readonly Recomputed[]): void {
  const classesAt = (placeId: string): readonly number[] | undefined =>
    ofCell({ placeId, variant: comparison.variant }, recomputed).find((one) => one.classes)?.classes;
  const here = classesAt(comparison.placeId);
  const there = classesAt(comparison.referencePlaceId);
  assert.ok(here && there);
  const flips = here.filter((best, i) => best !== there[i]).length;
  const reading = comparison.readings['transfer.flips.top1'];
  assert.equal(
    Math.round(reading.value * reading.n),
    flips,
    `${comparison.variant.name} in ${report.run.id}`,
  );
}

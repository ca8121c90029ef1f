import { refused } from './refused.ts';

/** What an item says of its class. */
export interface ItemClass {
  readonly name: string;
  readonly label?: number | string | undefined;
  readonly classFolder?: string | undefined;
}

export interface ResolvedClasses {
  /** One class number per item, in order. */
  readonly labels: Uint32Array;
  readonly classes: { readonly count: number; readonly names?: string[] };
}

/** More classes than this are a mistake: the labels are then probably something else. */
const maxClasses = 1_000_000;

/**
 * Class numbers of all items, or undefined without labels. Class names are numbered in their sorted order.
 * Without `classCount`, numbered classes are as many as the largest label says. Images in folders have
 * labels only where there are at least two folders. Throws `refused` for labels that are missing on some
 * items, no integers, negative or out of range.
 */
export function resolveClasses(
  items: readonly ItemClass[],
  classCount: number | undefined,
): ResolvedClasses | undefined {
  const labels = items.map((item) => item.label ?? item.classFolder);
  const isByFolder = items.every((item) => item.label === undefined);
  if (isByFolder && new Set(labels).size < 2) return undefined;
  const missing = items.findIndex((_, i) => labels[i] === undefined || labels[i] === '');
  if (missing >= 0) {
    throw refused(
      `${items[missing]!.name} has no label while others have one.`,
      'Put every image into a folder named after its class, or give a CSV file with `file,label` rows.',
    );
  }
  const isNamed = labels.some((label) => typeof label === 'string');
  return isNamed
    ? numberNames(labels.map(String), classCount)
    : checkNumbers(items, labels as number[], classCount);
}

function numberNames(labels: readonly string[], classCount: number | undefined): ResolvedClasses {
  const names = [...new Set(labels)].sort();
  if (classCount !== undefined && names.length !== classCount) {
    throw refused(
      `${classCount} classes were announced, but the labels name ${names.length}.`,
      'Check the folders or the labels file, or leave the number of classes out.',
    );
  }
  const numbers = new Map(names.map((name, index) => [name, index]));
  return {
    labels: Uint32Array.from(labels, (label) => numbers.get(label)!),
    classes: { count: names.length, names },
  };
}

function checkNumbers(
  items: readonly ItemClass[],
  labels: readonly number[],
  classCount: number | undefined,
): ResolvedClasses {
  const limit = classCount ?? maxClasses;
  const wrong = labels.findIndex((label) => !Number.isInteger(label) || label < 0 || label >= limit);
  if (wrong >= 0) {
    throw refused(
      `The label of ${items[wrong]!.name} is ${labels[wrong]}; expected an integer from 0 to ${limit - 1}.`,
      'Number the classes from 0 on.',
    );
  }
  const largest = labels.reduce((most, label) => Math.max(most, label), 0);
  return { labels: Uint32Array.from(labels), classes: { count: classCount ?? largest + 1 } };
}

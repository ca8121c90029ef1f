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

/** In which order classes that only have names are numbered. */
export type ClassOrder = 'auto' | 'numeric' | 'text';

export interface ClassOptions {
  /** Where the labels alone do not say it. */
  readonly classCount?: number | undefined;
  /** `auto`: numeric where all names are integers, else text. */
  readonly classOrder?: ClassOrder | undefined;
  /** Hears how classes were numbered, where another way was possible. */
  readonly onNote?: ((text: string) => void) | undefined;
}

/**
 * Class numbers of all items, or undefined without labels. Labels that are all numbers are class numbers.
 * Names are numbered in their order: folders whose names are all integers by value, unless `classOrder` is
 * `text` (as torchvision's ImageFolder does), all others as text. Without `classCount`, numbered classes are
 * as many as the largest label says. Images in folders have labels only where there are at least two folders.
 * Throws `refused` for labels that are missing on some items, no integers, negative or out of range, or
 * numbers and names together whose order as text is not that of the numbers.
 */
export function resolveClasses(
  items: readonly ItemClass[],
  options: ClassOptions = {},
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
  if (labels.every((label) => Number.isFinite(Number(label))) && !isByFolder)
    return checkNumbers(items, labels.map(Number), options.classCount);
  return isByFolder
    ? numberFolders(items, labels.map(String), options)
    : numberNames(labels.map(String), options);
}

/** Folders of integers: class numbers where they fit the announced count, else numbered by their value. */
function numberFolders(
  items: readonly ItemClass[],
  labels: readonly string[],
  options: ClassOptions,
): ResolvedClasses {
  const names = [...new Set(labels)].sort();
  const { classOrder = 'auto', classCount } = options;
  const isInteger = names.every((name) => /^\d+$/.test(name));
  if (classOrder === 'numeric' && !isInteger)
    throw refused(
      `The class order is numeric, but a class folder is named ${names.find((name) => !/^\d+$/.test(name))}.`,
      'Leave the class order out: names are numbered in text order.',
    );
  if (!isInteger || classOrder === 'text') return numberNames(labels, options, names);
  const largest = names.reduce((most, name) => Math.max(most, Number(name)), 0);
  if (classCount !== undefined && classCount !== names.length && largest < classCount)
    return checkNumbers(items, labels.map(Number), classCount);
  const byValue = names.toSorted((a, b) => Number(a) - Number(b));
  const moved = byValue.find((name, i) => name !== names[i]);
  if (moved !== undefined && classOrder === 'auto')
    options.onNote?.(
      `Class folders are numbered by value: ${byValue[0]}, ${byValue[1]}, …, ${byValue.at(-1)}. torchvision’s ImageFolder numbers them as text (${names.slice(0, 3).join(', ')}, …): for a model trained that way add the dataset with --class-order text.`,
    );
  return numberNames(labels, options, byValue);
}

function numberNames(
  labels: readonly string[],
  { classCount, onNote }: ClassOptions,
  names: readonly string[] = textOrder(labels),
): ResolvedClasses {
  if (classCount !== undefined && names.length !== classCount) {
    throw refused(
      `${classCount} classes were announced, but the labels name ${names.length}.`,
      'Check the folders or the labels file, or leave the number of classes out.',
    );
  }
  const numbers = new Map(names.map((name, index) => [name, index]));
  const shown = names.slice(0, 3).map((name, index) => `${name} = ${index}`);
  onNote?.(
    `Classes are numbered in the order of their names: ${shown.join(', ')}${names.length > 3 ? `, …, ${names.at(-1)} = ${names.length - 1}` : ''}.`,
  );
  return {
    labels: Uint32Array.from(labels, (label) => numbers.get(label)!),
    classes: { count: names.length, names: [...names] },
  };
}

/** Names as text in order; throws `refused` where numbers among them would be numbered otherwise than their values say. */
function textOrder(labels: readonly string[]): string[] {
  const names = [...new Set(labels)].sort();
  const numbers = names.filter((name) => /^\d+$/.test(name));
  const isSorted = numbers.every((name, i) => i === 0 || Number(numbers[i - 1]) <= Number(name));
  if (isSorted) return names;
  const word = names.find((name) => !/^\d+$/.test(name));
  throw refused(
    `Labels are numbers and names together: ${numbers[0]}, ${numbers[1]}, and "${word}".`,
    'Give every image a class number, or every image a class name.',
  );
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

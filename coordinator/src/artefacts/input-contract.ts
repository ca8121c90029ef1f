import { QfleetError } from '@qfleet/shared/errors.ts';
import type { InputContract } from '@qfleet/shared/inputs/input-contract.ts';
import type { TensorInfo } from './artefacts.ts';

/** Ways of scaling that are in common use; `raw` feeds items as they are. */
export const contractPresets = {
  raw: {},
  /** 0…255 → 0…1. */
  unit: { scale: 1 / 255 },
  /** torchvision's for ImageNet: shorter side 256, bilinear, the middle 224, mean and deviation; other sizes in proportion. */
  imagenet: {
    channels: 'RGB',
    cropFraction: 224 / 256,
    filter: 'bilinear',
    scale: 1 / 255,
    mean: [0.485, 0.456, 0.406],
    deviation: [0.229, 0.224, 0.225],
  },
  /** PyTorch's MNIST example. */
  mnist: { channels: 'gray', scale: 1 / 255, mean: [0.1307], deviation: [0.3081] },
} as const satisfies Record<string, ContractFieldsIn>;

type ContractFieldsIn = { readonly [K in keyof InputContract]?: Readonly<InputContract[K]> } & {
  /** Share of the resized image's shorter side that the model sees; gives `resize` once the size is known. */
  readonly cropFraction?: number;
};
export type ContractPreset = keyof typeof contractPresets;

/** What a user says of a contract; everything left out is taken from the preset, then from the model. */
export type ContractFields = {
  readonly [K in keyof InputContract]?: Readonly<InputContract[K]> | undefined;
} & { readonly preset?: ContractPreset | undefined };

export interface ResolvedContract {
  readonly contract: InputContract;
  /** Guesses that the user should know of, one sentence each. */
  readonly notes: readonly string[];
}

/**
 * The complete contract of a model. Layout, height, width, channels and element type come from the model's
 * input: [n, c, h, w] with c of 1 or 3 is NCHW, [n, h, w, c] NHWC, all else as-is. Throws
 * `invalid-argument` where what was given contradicts the model or itself, with expected and got.
 */
export function resolveContract(
  given: ContractFields | undefined,
  inputs: readonly TensorInfo[],
): ResolvedContract {
  const notes: string[] = [];
  const fields = mergePreset(given);
  const input = chooseInput(inputs, fields.inputName, notes);
  const image = fields.layout === 'as-is' ? undefined : findImage(input, fields.layout);
  if (!image && fields.layout !== undefined && fields.layout !== 'as-is')
    throw contradiction(
      'layout',
      `as-is, the input's shape being [${input.shape.join(', ')}]`,
      fields.layout,
    );
  if (given === undefined || Object.values(given).every((value) => value === undefined))
    notes.push('No input contract given: items are passed unscaled (preset raw).');
  const height = resolveSize('height', image?.height, fields.height, image !== undefined);
  const width = resolveSize('width', image?.width, fields.width, image !== undefined);
  const contract: InputContract = {
    layout: image?.layout ?? 'as-is',
    elementType: agree('elementType', input.elementType, fields.elementType) ?? input.elementType,
    channels: resolveChannels(image, fields.channels, notes),
    height,
    width,
    resize: image ? resolveResize(fields, Math.min(height, width)) : 'cover',
    filter: fields.filter ?? 'bilinear',
    scale: fields.scale ?? 1,
    mean: [...(fields.mean ?? [])],
    deviation: [...(fields.deviation ?? [])],
    inputName: input.name,
  };
  if (image && (height === 0 || width === 0))
    notes.push('The model leaves the size of its input open: images are fed in their own size.');
  checkNumbers(contract, image?.channelCount);
  return { contract, notes };
}

function mergePreset(given: ContractFields | undefined): ContractFieldsIn {
  const { preset = 'raw', ...fields } = given ?? {};
  if (!Object.hasOwn(contractPresets, preset)) {
    throw new QfleetError('invalid-argument', `There is no input preset "${preset}".`, {
      hint: `Presets: ${Object.keys(contractPresets).join(', ')}.`,
    });
  }
  const said = Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
  return { ...contractPresets[preset], ...said };
}

function chooseInput(inputs: readonly TensorInfo[], name: string | undefined, notes: string[]): TensorInfo {
  const names = inputs.map((input) => input.name);
  const input = name ? inputs.find((candidate) => candidate.name === name) : inputs[0];
  if (!input)
    throw contradiction(
      'inputName',
      names.length ? `one of ${names.join(', ')}` : 'a model with inputs',
      name ?? 'none',
    );
  if (inputs.length > 1 && !name)
    notes.push(`The model has the inputs ${names.join(', ')}: items go to ${input.name}.`);
  return input;
}

interface ImageInput {
  readonly layout: 'NCHW' | 'NHWC';
  readonly channelCount: 1 | 3;
  /** Undefined where symbolic. */
  readonly height: number | undefined;
  readonly width: number | undefined;
}

/** The input read as an image; where both layouts fit, NCHW, unless one is wanted. */
function findImage({ shape }: TensorInfo, wanted: 'NCHW' | 'NHWC' | undefined): ImageInput | undefined {
  if (shape.length !== 4) return undefined;
  const size = (axis: number): number | undefined =>
    typeof shape[axis] === 'number' ? shape[axis] : undefined;
  const axes = { NCHW: [1, 2, 3], NHWC: [3, 1, 2] } as const;
  for (const layout of ['NCHW', 'NHWC'] as const) {
    const [channelAxis, heightAxis, widthAxis] = axes[layout];
    const channelCount = size(channelAxis);
    if (wanted !== undefined && layout !== wanted) continue;
    if (channelCount === 1 || channelCount === 3)
      return { layout, channelCount, height: size(heightAxis), width: size(widthAxis) };
  }
  return undefined;
}

function resolveChannels(
  image: ImageInput | undefined,
  given: InputContract['channels'] | undefined,
  notes: string[],
): InputContract['channels'] {
  if (!image) return agree('channels', '', given || undefined) ?? '';
  const expected = image.channelCount === 1 ? 'gray' : 'RGB';
  if (given === undefined || given === '') {
    if (expected === 'RGB') notes.push('The model takes three channels: their order is taken to be RGB.');
    return expected;
  }
  if ((given === 'gray') !== (image.channelCount === 1))
    throw contradiction('channels', `${expected}, the model's input having ${image.channelCount}`, given);
  return given;
}

function resolveSize(
  field: 'height' | 'width',
  model: number | undefined,
  given: number | undefined,
  isImage: boolean,
): number {
  if (!isImage) return agree(field, 0, given) ?? 0;
  return agree(field, model, given || undefined) ?? 0;
}

function resolveResize(
  { resize, cropFraction }: ContractFieldsIn,
  shorterSide: number,
): InputContract['resize'] {
  if (resize === undefined)
    return cropFraction === undefined ? 'cover' : Math.round(shorterSide / cropFraction);
  if (typeof resize === 'number' && resize < shorterSide)
    throw contradiction(
      'resize',
      `at least ${shorterSide}, the shorter side of the model's input`,
      `${resize}`,
    );
  return resize;
}

/** The model's value, or the given one where the model leaves it open; throws where they differ. */
function agree<T extends string | number>(
  field: string,
  model: T | undefined,
  given: T | undefined,
): T | undefined {
  if (model === undefined) return given;
  if (given !== undefined && given !== model)
    throw contradiction(field, String(model || 'none'), String(given));
  return model;
}

function checkNumbers(contract: InputContract, channelCount: number | undefined): void {
  for (const field of ['mean', 'deviation'] as const) {
    const values = contract[field];
    const allowed = new Set([0, 1, channelCount ?? 1]);
    if (!allowed.has(values.length))
      throw contradiction(field, `${[...allowed].join(' or ')} numbers`, `${values.length}`);
    if (!values.every(Number.isFinite)) throw contradiction(field, 'finite numbers', values.join(', '));
  }
  if (contract.deviation.includes(0))
    throw contradiction('deviation', 'numbers other than 0', contract.deviation.join(', '));
  if (!Number.isFinite(contract.scale) || contract.scale === 0)
    throw contradiction('scale', 'a finite number other than 0', String(contract.scale));
}

function contradiction(field: string, expected: string, got: string): QfleetError {
  return new QfleetError('invalid-argument', `Input contract, ${field}: expected ${expected}, got ${got}.`, {
    hint: `Correct ${field}, or leave it out: it is then taken from the model.`,
  });
}

import type { InputContract } from '@qfleet/shared/inputs/input-contract.ts';
import type { Dataset } from '../../artefacts/artefacts.ts';

/** Fewer inputs leave the ranges to chance. */
const leastInputs = 32;
/** Enlarged by this much an image has lost what the network looks for. */
const mostEnlargement = 3;

export interface CalibrationFacts {
  /** As it was imported. */
  readonly dataset: Pick<Dataset, 'name' | 'channels' | 'item' | 'encoding'>;
  readonly contract: Pick<InputContract, 'channels' | 'height' | 'width'>;
  /** SHA-256 of each input. */
  readonly itemDigests: readonly string[];
  /** How many of the inputs looked at have one value in all places, and how many were looked at. */
  readonly constant: { readonly count: number; readonly of: number };
}

/** What makes a calibration set suspicious, one sentence each. */
export function warnOfCalibration(facts: CalibrationFacts): string[] {
  return [...warnOfNumber(facts), ...warnOfContent(facts), ...warnOfImages(facts)];
}

function warnOfNumber({ itemDigests }: CalibrationFacts): string[] {
  const count = itemDigests.length;
  const different = new Set(itemDigests).size;
  const few =
    count < leastInputs
      ? [
          `${count} calibration ${count === 1 ? 'input is' : 'inputs are'} few: give at least ${leastInputs}, better 100 to 500.`,
        ]
      : [];
  const equal =
    count > 1 && different <= count / 2
      ? [`Only ${different} of ${count} calibration inputs are different.`]
      : [];
  return [...few, ...equal];
}

function warnOfContent({ constant }: CalibrationFacts): string[] {
  if (constant.count === 0) return [];
  return [
    `${constant.count} of the first ${constant.of} calibration inputs have the same value everywhere: they tell nothing about activations.`,
  ];
}

function warnOfImages({ dataset, contract }: CalibrationFacts): string[] {
  const isColourModel = contract.channels === 'RGB' || contract.channels === 'BGR';
  const colours =
    dataset.channels === 'gray' && isColourModel
      ? [`The images of ${dataset.name} are gray, the model takes colour images.`]
      : [];
  const [height = 0, width = 0] = dataset.item.shape;
  const isImage = dataset.channels !== '' && dataset.encoding === undefined;
  const enlargement = Math.min(contract.height / height, contract.width / width);
  const enlarged =
    isImage && enlargement >= mostEnlargement
      ? [
          `Images of ${width}x${height} are enlarged to ${contract.width}x${contract.height}: calibrate with images like those that the model will meet.`,
        ]
      : [];
  return [...colours, ...enlarged];
}

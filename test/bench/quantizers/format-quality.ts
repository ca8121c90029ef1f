import type { QualityDifference } from './output-quality.ts';

/** One file of one model. */
export interface FileQuality {
  readonly quantizer: 'qfleet' | 'onnxruntime';
  /** Recipe or settings. */
  readonly name: string;
  readonly sqnrDb: number;
  /** 0…1 */
  readonly agreement: number;
}

/** A recipe against the reference's best file by that measure. */
export interface BestComparison {
  readonly recipe: string;
  readonly measure: 'sqnrDb' | 'agreement';
  readonly best: string;
  readonly difference: QualityDifference;
}

export interface ModelQuality {
  readonly model: string;
  readonly images: number;
  readonly calibrationImages: number;
  readonly files: readonly FileQuality[];
  readonly comparisons: readonly BestComparison[];
}

/** Two Markdown tables: every file, and each recipe against the reference's best. */
export function formatQuality(models: readonly ModelQuality[]): string {
  const files = models.flatMap(({ model, files }) =>
    files.map((file) => [
      model,
      `${file.quantizer} ${file.name}`,
      file.sqnrDb.toFixed(2),
      (100 * file.agreement).toFixed(2),
    ]),
  );
  const comparisons = models.flatMap(({ model, comparisons }) =>
    comparisons.map(({ recipe, measure, best, difference }) => [
      model,
      recipe,
      measure === 'sqnrDb' ? 'SQNR, dB' : 'agreement, points',
      best,
      ...formatDifference(measure, difference),
    ]),
  );
  return [
    ...table(['model', 'file', 'output SQNR, dB', 'top-1 as fp32, %'], files),
    '',
    ...table(
      ['model', 'recipe', 'measure', 'best of onnxruntime', 'difference', '95 % interval', ''],
      comparisons,
    ),
    '',
  ].join('\n');
}

function formatDifference(
  measure: BestComparison['measure'],
  { value, interval }: QualityDifference,
): string[] {
  const signed = (number: number): string => {
    const scaled = measure === 'agreement' ? 100 * number : number;
    return `${scaled >= 0 ? '+' : '−'}${Math.abs(scaled).toFixed(2)}`;
  };
  const verdict =
    !interval || (interval.low <= 0 && interval.high >= 0) ? 'not different' : value > 0 ? 'better' : 'worse';
  return [signed(value), interval ? `${signed(interval.low)} … ${signed(interval.high)}` : '–', verdict];
}

function table(titles: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(titles), line(titles.map(() => '---')), ...rows.map(line)];
}

import type { Recipe } from '../quantize/recipes/recipe.ts';
import type { GlobalOptions } from './cli-context.ts';

/** What `qfleet quantize` takes, parsed. */
export interface QuantizeOptions extends GlobalOptions {
  readonly calibration?: string;
  readonly recipe: string[];
  readonly limit: number;
  readonly resamples: number;
  readonly output: string;
  readonly out?: string;
  readonly contract?: string;
  readonly preset?: string;
}

/** With the recipes of files read in. */
export interface QuantizeOrder extends QuantizeOptions {
  /** By name, or written out. */
  readonly recipes: readonly (string | Recipe)[];
}

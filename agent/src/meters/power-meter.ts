/** What a meter shows at one moment: power now, or energy since some moment. */
export type MeterSample = { readonly watts: number } | { readonly joules: number };

/** Something on the device that measures power or energy. */
export interface PowerMeter {
  /** `ina3221:POM_5V_IN`, `rapl:package-0`, `pi5-pmic`. */
  readonly source: string;
  /** At which value an energy counter starts again from 0, joules. */
  readonly wrapJoules?: number;
  /** Rejects where it cannot be read any more. */
  read(): Promise<MeterSample>;
}

/** The meters of one kind, or why there are none: `not-present: …`, `permission: …`. */
export type FoundMeters = readonly PowerMeter[] | { readonly reason: string };

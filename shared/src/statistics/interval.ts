/** A two-sided interval in the unit of the value it belongs to; `method` says how it was made. */
export interface Interval {
  readonly low: number;
  readonly high: number;
  readonly method: string;
}

/** The confidence of every interval that qfleet reports. */
export const defaultConfidence = 0.95;

/** What may be wrong with a cell's timing, from bad to worst; `trusted` where nothing is. */
export const timingVerdicts = [
  'trusted',
  'noisy',
  'throttled',
  'contended',
  'insufficient',
  'emulated',
] as const;
export type TimingVerdictWord = (typeof timingVerdicts)[number];

/** A verdict with every reason for it, worst first; no reasons where trusted. */
export interface TimingVerdict {
  verdict: TimingVerdictWord;
  reasons: { code: TimingVerdictWord; detail: string }[];
}

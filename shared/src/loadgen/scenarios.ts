/** How load can be offered: MLPerf's four names, and frames at a fixed rate, which is not MLPerf's. */
export const scenarios = ['single-stream', 'multi-stream', 'server', 'offline', 'fixed-rate'] as const;
export type Scenario = (typeof scenarios)[number];

/** True for the name of a scenario. */
export function isScenario(name: string): name is Scenario {
  return scenarios.some((scenario) => scenario === name);
}

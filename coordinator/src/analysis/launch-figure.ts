import type { TimedLaunch } from '@qfleet/shared/verdict/timed-launch.ts';

/** What comparisons need of a launch: its one figure, and which others ran close to it. */
export type LaunchFigure = Pick<TimedLaunch, 'round' | 'figureNs'>;

/** What keeps runners from the rest of the machine here; each part says why it is missing where it is. */
export interface Isolation {
  /** Version of Landlock's ABI; files since 1, TCP since 4, signals and abstract sockets since 6. */
  readonly landlockAbi: number | undefined;
  readonly whyNoLandlock: string | undefined;
  /** The command that gives a process an empty network namespace. */
  readonly networkCommand: readonly string[] | undefined;
  readonly whyNoNetwork: string | undefined;
  /** Absolute paths that runners must not reach, and folders beneath them that they may. */
  readonly denied: readonly string[];
  readonly allowed: readonly string[];
  /** Where runners put what is temporary: beside a denied path, as in /tmp, nothing new can be made. */
  readonly temporaryFolder: string | undefined;
}

/** No isolation, and why: switched off, or an emulator starts Node. */
export function noIsolation(reason: string): Isolation {
  return {
    landlockAbi: undefined,
    whyNoLandlock: reason,
    networkCommand: undefined,
    whyNoNetwork: reason,
    denied: [],
    allowed: [],
    temporaryFolder: undefined,
  };
}

/** One line for each part, for people. */
export function describeIsolation(isolation: Isolation): string[] {
  const { landlockAbi: abi, whyNoLandlock, networkCommand, whyNoNetwork } = isolation;
  const landlock = abi === undefined ? `no: ${whyNoLandlock}` : undefined;
  const since = (first: number): string =>
    landlock ?? (abi! >= first ? 'yes' : `no: Landlock's ABI is ${abi}, this needs ${first}`);
  return [
    `identity out of reach: ${since(1)}`,
    `no TCP: ${networkCommand ? 'yes' : since(4)}`,
    `no network at all: ${networkCommand ? 'yes' : `no: ${whyNoNetwork}`}`,
    `no signals to other processes: ${since(6)}`,
    `a user of its own: no: runners have the agent's`,
  ];
}

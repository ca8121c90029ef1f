/** A device with a runtime, in a comparison of many networks. */
export interface GridSystem {
  readonly id: string;
  /** The physical board: systems of one board are held out together. */
  readonly board: string;
  /** Of the board's memory, bytes per second, one thread; where it is known. */
  readonly bandwidth?: number | undefined;
}

/** One network in one number format: twins share the network. */
export interface GridItem {
  readonly network: string;
  readonly precision: string;
}

/** Latencies of systems × items, as logs of nanoseconds; NaN where nothing was measured. Pure data. */
export interface Grid {
  readonly systems: readonly GridSystem[];
  readonly items: readonly GridItem[];
  /** Row by system, column by item. */
  readonly logs: readonly Float64Array[];
}

/** One measured latency. */
export interface GridResult extends GridItem {
  readonly system: string;
  readonly latencyNs: number;
}

/** The grid of some results, in the order in which systems and items first come; of several of one place the first. */
export function buildGrid(systems: readonly GridSystem[], results: readonly GridResult[]): Grid {
  const items = new Map<string, { readonly index: number; readonly item: GridItem }>();
  for (const { network, precision } of results) {
    const key = keyOf(network, precision);
    if (!items.has(key)) items.set(key, { index: items.size, item: { network, precision } });
  }
  const rows = new Map(systems.map(({ id }) => [id, new Float64Array(items.size).fill(Number.NaN)]));
  for (const { system, network, precision, latencyNs } of results) {
    const row = rows.get(system);
    const found = items.get(keyOf(network, precision));
    if (row && found && Number.isNaN(row[found.index])) row[found.index] = Math.log(latencyNs);
  }
  return { systems, items: [...items.values()].map(({ item }) => item), logs: [...rows.values()] };
}

/** The grid with these systems, and of the items those alone that all of them measured. */
export function completeGrid(grid: Grid, systems: readonly number[]): Grid {
  const kept = grid.items
    .map((_, item) => item)
    .filter((item) => systems.every((system) => !Number.isNaN(grid.logs[system]![item])));
  return {
    systems: systems.map((system) => grid.systems[system]!),
    items: kept.map((item) => grid.items[item]!),
    logs: systems.map((system) => Float64Array.from(kept, (item) => grid.logs[system]![item]!)),
  };
}

/** Networks of which a system measured both number formats: where in the grid. */
export function findTwins(
  grid: Grid,
  reference: string,
  subject: string,
): readonly { readonly network: string; readonly reference: number; readonly subject: number }[] {
  const subjects = new Map(
    grid.items.flatMap(({ network, precision }, index) =>
      precision === subject ? [[network, index] as const] : [],
    ),
  );
  return grid.items.flatMap(({ network, precision }, index) => {
    const twin = precision === reference ? subjects.get(network) : undefined;
    return twin === undefined ? [] : [{ network, reference: index, subject: twin }];
  });
}

function keyOf(network: string, precision: string): string {
  return `${network}\n${precision}`;
}

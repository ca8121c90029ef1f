/**
 * Applies `transform` to everything a source yields, up to `limit` at a time, and yields the results in the
 * source's order. After a failure nothing more is started, and what runs is awaited before it is thrown.
 */
export async function* mapInOrder<In, Out>(
  source: AsyncIterable<In>,
  limit: number,
  transform: (value: In) => Promise<Out>,
): AsyncGenerator<Out> {
  const running: Promise<Out>[] = [];
  try {
    for await (const value of source) {
      const result = transform(value);
      // Awaited later in order; until then a failure must not count as unhandled.
      result.catch(() => undefined);
      running.push(result);
      if (running.length >= limit) yield await running.shift()!;
    }
    while (running.length > 0) yield await running.shift()!;
  } finally {
    await Promise.allSettled(running);
  }
}

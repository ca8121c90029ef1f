/**
 * A view of a store that has at most so many calls under way; further ones wait here, in their order. The database
 * serves one transaction after the other, so what thousands of agents ask for at once would else stand in front of
 * every question of an operator.
 */
export function limitCalls<Store extends object>(store: Store, limit: number): Store {
  const waiting: (() => void)[] = [];
  let underWay = 0;
  const begin = async (): Promise<void> => {
    if (underWay < limit) underWay++;
    else await new Promise<void>((resolve) => waiting.push(resolve));
  };
  const end = (): void => {
    const next = waiting.shift();
    if (next) next();
    else underWay--;
  };
  return new Proxy(store, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== 'function') return value;
      return async (...args: unknown[]): Promise<unknown> => {
        await begin();
        try {
          return await (value as (...args: unknown[]) => unknown).apply(target, args);
        } finally {
          end();
        }
      };
    },
  });
}

/** Wraps a method of werift whose promise nobody waits for: a rejection would end the process. */
export function guardRejections(target: object, method: string, refuse: () => void): void {
  const inner: unknown = Reflect.get(target, method);
  if (typeof inner !== 'function') throw new Error(`werift has no ${method}`);
  Reflect.set(target, method, async (...parameters: unknown[]) => {
    try {
      return await inner.apply(target, parameters);
    } catch {
      return refuse();
    }
  });
}

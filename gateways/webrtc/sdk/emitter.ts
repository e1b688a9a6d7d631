/** Events by name; the value is the tuple of a listener's arguments. */
export type EventMap = Readonly<Record<string, readonly unknown[]>>;

export type Listener<Args extends readonly unknown[]> = (...args: Args) => void;

type ListenersOf<Events extends EventMap> = { [Name in keyof Events]?: Set<Listener<Events[Name]>> };

/** Hands a listener's exception to the page (`window.onerror`) instead of to whoever emitted. */
const report = (error: unknown): void => {
  queueMicrotask(() => {
    throw error;
  });
};

/** Typed events. Listeners run in the order added; an exception in one is the listener's own problem. */
export class Emitter<Events extends EventMap> {
  readonly #listeners: ListenersOf<Events> = {};

  /** @returns A function that removes the listener again. */
  on<Name extends keyof Events>(name: Name, listener: Listener<Events[Name]>): () => void {
    let set = this.#listeners[name];
    if (set === undefined) {
      set = new Set();
      this.#listeners[name] = set;
    }
    set.add(listener);
    return () => this.off(name, listener);
  }

  once<Name extends keyof Events>(name: Name, listener: Listener<Events[Name]>): () => void {
    const remove = this.on(name, (...args) => {
      remove();
      listener(...args);
    });
    return remove;
  }

  off<Name extends keyof Events>(name: Name, listener: Listener<Events[Name]>): void {
    this.#listeners[name]?.delete(listener);
  }

  /** Calls who listens now; listeners added meanwhile wait for the next time. */
  emit<Name extends keyof Events>(name: Name, ...args: Events[Name]): void {
    const listeners = this.#listeners[name];
    if (listeners === undefined) return;
    for (const listener of [...listeners]) {
      try {
        listener(...args);
      } catch (error) {
        report(error);
      }
    }
  }
}

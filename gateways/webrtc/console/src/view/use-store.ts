import { useEffect, useState } from 'preact/hooks';
import type { Store } from '../model/store.ts';

/** The state of a store; draws again when it changes. */
export const useStore = <State extends object>(store: Store<State>): State => {
  const [state, setState] = useState(store.state);
  useEffect(() => {
    // What changed between the first drawing and this subscription.
    setState(store.state);
    return store.subscribe(() => setState(store.state));
  }, [store]);
  return state;
};

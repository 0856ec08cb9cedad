import { closedLoop } from '../load/closed-loop.js';
import type { Cell } from '../load/interleave.js';
import { callers, type ObjectStore, type Verb } from './store.js';

export function objectCell(store: ObjectStore, verb: Verb, bytes: number): Cell {
  return {
    name: `${verb} of ${bytes} bytes, ${store.name}`,
    roots: store.roots,
    async open() {
      const open = await store.open(verb, bytes);
      return {
        run: (seconds) => closedLoop(callers, seconds, (caller) => open.move(caller)),
        close: () => open.close(),
      };
    },
  };
}

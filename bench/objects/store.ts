/** What is done with objects. */
export const verbs = ['PUT', 'GET'] as const;
export type Verb = (typeof verbs)[number];

/** Objects in flight at a time. */
export const callers = 8;

/** A place for objects. */
export interface ObjectStore {
  readonly name: string;
  /** The processes that do its work; none when this program does it itself. */
  readonly roots: readonly number[];
  /** Puts every object of a size once. */
  fill(bytes: number): Promise<void>;
  /** Makes ready to move objects of a size. */
  open(verb: Verb, bytes: number): Promise<OpenStore>;
}

export interface OpenStore {
  /** Moves one whole object: the next of a caller. */
  move(caller: number): Promise<void>;
  close(): void;
}

/** How many objects of a size each caller has; large ones few, so that all stay in the page cache. */
export function objectsOfCaller(bytes: number): number {
  return bytes > 8 << 20 ? 1 : 4;
}

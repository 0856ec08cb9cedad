/**
 * The request's condition keys: given a lower-cased name such as "aws:sourceip", its value, its
 * values when the key is multi-valued, or undefined when the request has none. It always gives the same answers, so that
 * what was concluded from them may be remembered.
 */
export type ContextLookup = (key: string) => string | readonly string[] | undefined;

/** Condition keys by name, in any case. */
export type ContextRecord = Readonly<Record<string, string | readonly string[] | undefined>>;

/** Makes a look-up of records; where two name the same key the first one wins. */
export function contextValues(...records: readonly ContextRecord[]): ContextLookup {
  const values = new Map<string, string | readonly string[]>();
  for (const record of records) {
    for (const [key, value] of Object.entries(record)) {
      const name = key.toLowerCase();
      if (value !== undefined && !values.has(name)) values.set(name, value);
    }
  }
  return (key) => values.get(key);
}

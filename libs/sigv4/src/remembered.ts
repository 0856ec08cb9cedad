/**
 * `read` with its latest results kept: clients send the same credential and the same header names with every request.
 * When `max` are kept all are dropped, so that a stranger's inventions cost memory for a moment only. Long texts are not kept.
 */
export function remembered<T>(max: number, read: (text: string) => T): (text: string) => T {
  const known = new Map<string, T>();
  return (text) => {
    const before = known.get(text);
    if (before !== undefined) return before;
    const value = read(text);
    if (known.size >= max) known.clear();
    if (text.length <= 1024) known.set(text, value);
    return value;
  };
}

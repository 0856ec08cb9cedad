// Control characters, and those that change the direction or the place of what follows.
const unprintable = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/**
 * Text that callers chose (names, keys, user agents), for a terminal: what would move its cursor, hide a line or begin
 * another stands there as an escape. JSON stays the same JSON.
 */
export function printable(text: string): string {
  return text.replace(unprintable, (char) =>
    char
      .split('')
      .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
      .join(''),
  );
}

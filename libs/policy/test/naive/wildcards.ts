// Written from the guide alone, and slow: what the engine's matchers are compared with.

/** `*` is any text, `?` any character. */
export function naiveWildcards(pattern: string, text: string): boolean {
  return regular(pattern, '.*', '.').test(text);
}

/**
 * "You can use wildcard characters (* and ?) within any ARN segment. If the * wildcard is the last character of a resource
 * ARN segment, it can expand to match beyond the colon boundaries."
 */
export function naiveResource(pattern: string, text: string): boolean {
  if (pattern === '*') return true;
  const segments = pattern.split(':');
  const expressions = segments.slice(0, 5).map((segment) => {
    const [open, stem] = segment.endsWith('*') ? ['.*', segment.slice(0, -1)] : ['', segment];
    return source(stem, '[^:]*', '[^:]') + open;
  });
  if (segments.length > 5) expressions.push(source(segments.slice(5).join(':'), '.*', '.'));
  return new RegExp(`^${expressions.join(':')}$`, 's').test(text);
}

/** "Each of the six colon-delimited components of the ARN is checked separately." */
export function naiveArnLike(pattern: string, text: string): boolean {
  const [wanted, given] = [components(pattern), components(text)];
  if (wanted.length < 6 || given.length < 6) return false;
  return wanted.every((component, i) => naiveWildcards(component, given[i] ?? ''));
}

/** A value of a variable as part of a pattern: its own `*` and `?` stand for themselves. */
export function literal(text: string): string {
  return text.replace(/\*/g, '\ue000').replace(/\?/g, '\ue001');
}

/** The text that a pattern without wildcards is. */
export function plain(pattern: string): string {
  return pattern.replace(/\ue000/g, '*').replace(/\ue001/g, '?');
}

function components(arn: string): string[] {
  const all = arn.split(':');
  return all.length < 6 ? all : [...all.slice(0, 5), all.slice(5).join(':')];
}

function regular(pattern: string, many: string, one: string): RegExp {
  return new RegExp(`^${source(pattern, many, one)}$`, 's');
}

function source(pattern: string, many: string, one: string): string {
  return Array.from(pattern.replace(/\*+/g, '*'), (character) => {
    if (character === '*') return many;
    if (character === '\ue000') return '\\*';
    if (character === '\ue001') return '\\?';
    return character === '?' ? one : character.replace(/[.+^${}()|[\]\\/-]/g, '\\$&');
  }).join('');
}

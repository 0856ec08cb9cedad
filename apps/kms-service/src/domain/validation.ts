import { KeysteadError } from '@keystead/errors';

/** One constraint of AWS's API model on one member. */
export interface Constraint {
  /** The member, in camel case as AWS's message names it. */
  readonly field: string;
  readonly required?: boolean;
  /** Length of texts, bytes and lists; value of numbers. */
  readonly min?: number;
  readonly max?: number;
  /** The expression, and how AWS's message prints it. */
  readonly pattern?: readonly [RegExp, string];
  readonly values?: readonly string[];
  /** Constraints on each member of a list. */
  readonly each?: Omit<Constraint, 'field'>;
  /** Constraints on the members of each structure in a list. */
  readonly members?: readonly Constraint[];
  /** UTF-8 bytes of all names and values of a map, at most. */
  readonly maxMapBytes?: number;
}

/** Refuses a request that breaks the API model, with all breaches in one sentence as AWS does. Errors: Validation. */
export function validate(request: object, constraints: readonly Constraint[]): void {
  let failures: string[] | undefined;
  for (const constraint of constraints) {
    const value = (request as Record<string, unknown>)[constraint.field];
    if (!holds(value, constraint)) explain(value, constraint, constraint.field, (failures ??= []));
  }
  if (failures) throw validationError(failures);
}

/** AWS's sentence for breaches of the API model. */
export function validationError(failures: readonly string[]): KeysteadError {
  const many = failures.length === 1 ? '1 validation error' : `${failures.length} validation errors`;
  return new KeysteadError('Validation', `${many} detected: ${failures.join('; ')}`);
}

/** The quick answer, without making a sentence. */
function holds(value: unknown, constraint: Omit<Constraint, 'field'>): boolean {
  if (value === undefined) return !constraint.required;
  if (constraint.maxMapBytes !== undefined) return mapBytes(value as Record<string, string>) <= constraint.maxMapBytes;
  const size = sizeOf(value);
  if (Array.isArray(value) && value.length === 0) return !constraint.required;
  if (constraint.min !== undefined && size < constraint.min) return false;
  if (constraint.max !== undefined && size > constraint.max) return false;
  if (typeof value === 'string') {
    if (value.includes(nul)) return false;
    if (constraint.values && !constraint.values.includes(value)) return false;
    if (constraint.pattern && !constraint.pattern[0].test(value)) return false;
  }
  return !Array.isArray(value) || value.every((item: unknown) => itemHolds(item, constraint));
}

function itemHolds(item: unknown, { each, members }: Omit<Constraint, 'field'>): boolean {
  if (each && !holds(item, each)) return false;
  return members?.every((member) => holds((item as Record<string, unknown>)[member.field], member)) ?? true;
}

/** Nothing that AWS stores takes it, and PostgreSQL's texts cannot hold it. */
const nul = '\u0000';

/** A body holds a hundred thousand items, and the sentence about them would be larger than the stream takes. */
const maxFailures = 50;

function explain(value: unknown, constraint: Omit<Constraint, 'field'>, path: string, failures: string[]): void {
  if (failures.length >= maxFailures) return;
  const fail = (what: string): void =>
    void failures.push(`Value ${shown(value)}at '${path}' failed to satisfy constraint: ${what}`);
  if (value === undefined || (Array.isArray(value) && value.length === 0)) {
    if (constraint.required)
      failures.push(`Value null at '${path}' failed to satisfy constraint: Member must not be null`);
    return;
  }
  if (constraint.maxMapBytes !== undefined)
    fail(`Member must have length less than or equal to ${constraint.maxMapBytes}`);
  const size = sizeOf(value);
  const what = typeof value === 'number' ? 'value' : 'length';
  if (constraint.max !== undefined && size > constraint.max)
    fail(`Member must have ${what} less than or equal to ${constraint.max}`);
  if (constraint.min !== undefined && size < constraint.min)
    fail(`Member must have ${what} greater than or equal to ${constraint.min}`);
  if (typeof value === 'string') explainText(value, constraint, fail);
  if (Array.isArray(value))
    value.forEach((item: unknown, index) => explainItem(item, constraint, `${path}.${index + 1}.member`, failures));
}

function explainText(
  value: string,
  { pattern, values }: Omit<Constraint, 'field'>,
  fail: (what: string) => void,
): void {
  if (pattern && !pattern[0].test(value)) fail(`Member must satisfy regular expression pattern: ${pattern[1]}`);
  else if (value.includes(nul)) fail('Member must satisfy regular expression pattern: [^\\u0000]*');
  if (values && !values.includes(value)) fail(`Member must satisfy enum value set: [${values.join(', ')}]`);
}

function explainItem(
  item: unknown,
  { each, members = [] }: Omit<Constraint, 'field'>,
  path: string,
  failures: string[],
): void {
  if (each && !holds(item, each)) explain(item, each, path, failures);
  for (const member of members) {
    const value = (item as Record<string, unknown>)[member.field];
    if (!holds(value, member)) explain(value, member, `${path}.${member.field}`, failures);
  }
}

function sizeOf(value: unknown): number {
  if (typeof value === 'number') return value;
  if (typeof value === 'string' || value instanceof Uint8Array || Array.isArray(value)) return value.length;
  return 0;
}

function mapBytes(map: Readonly<Record<string, string>>): number {
  let bytes = 0;
  for (const name in map) bytes += Buffer.byteLength(name) + Buffer.byteLength(map[name] ?? '');
  return bytes;
}

/** Bytes and lists are never shown: they may be secret or long. */
function shown(value: unknown): string {
  if (typeof value === 'number') return `'${value}' `;
  if (typeof value !== 'string') return '';
  return `'${value.length > 1_024 ? `${value.slice(0, 1_024)}…` : value}' `;
}

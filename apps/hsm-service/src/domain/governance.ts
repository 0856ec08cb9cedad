import { KeysteadError } from '@keystead/errors';
import type { Draft, Slot } from './root-draft.js';
import type { RootState, Rule } from './root-state.js';

// What commands change in the root. Each throws Validation, NotFound, AlreadyExists, LimitExceeded or Conflict.

const NAME = /^[a-z0-9][a-z0-9._-]{0,63}$/;
const MAX_RECIPIENTS = 8;
const MAX_OPERATORS = 64;
const MAX_RULES = 64;
const KEY = /^[0-9a-f]{64}$/;

/** The value of an argument that is a name. Throws Validation. */
export function nameArgument(args: Readonly<Record<string, string>>, argument: string): string {
  const value = args[argument] ?? '';
  if (NAME.test(value)) return value;
  throw new KeysteadError('Validation', `${argument}: 1 to 64 of a-z, 0-9, dot, dash and underscore wanted.`);
}

/** Adds a recipient. */
export function addRecipient(draft: Draft, slot: Slot): Draft {
  mustBeAddable(draft, slot.record.name);
  return { ...draft, slots: [...draft.slots, slot] };
}

/** Whether there is room for a recipient of this name: asked before a device makes a key for it. */
export function mustBeAddable({ slots }: Draft, name: string): void {
  if (slots.some(({ record }) => record.name === name))
    throw new KeysteadError('AlreadyExists', `There is a recipient ${name} already.`);
  if (slots.length >= MAX_RECIPIENTS)
    throw new KeysteadError('LimitExceeded', `A root has at most ${MAX_RECIPIENTS} recipients.`);
}

/** Removes a recipient; the last one stays. */
export function removeRecipient(draft: Draft, name: string): Draft {
  const slots = draft.slots.filter(({ record }) => record.name !== name);
  if (slots.length === draft.slots.length) throw new KeysteadError('NotFound', `There is no recipient ${name}.`);
  if (slots.length === 0)
    throw new KeysteadError('Conflict', 'The last recipient cannot be removed: nobody could open the root again.');
  return { ...draft, slots };
}

/** Adds an operator. */
export function addOperator(state: RootState, args: Readonly<Record<string, string>>): RootState {
  const [name, role, key = ''] = [nameArgument(args, 'name'), nameArgument(args, 'role'), args['key']];
  if (!KEY.test(key)) throw new KeysteadError('Validation', 'key: 64 hex digits of an Ed25519 public key wanted.');
  const publicKey = Buffer.from(key, 'hex');
  if (isOfSmallOrder(publicKey)) throw new KeysteadError('Validation', 'key: not a key that anybody can hold.');
  if (state.operators.some((other) => other.name === name || other.publicKey.equals(publicKey)))
    throw new KeysteadError('AlreadyExists', 'There is an operator of this name or with this key already.');
  if (state.operators.length >= MAX_OPERATORS)
    throw new KeysteadError('LimitExceeded', `A root has at most ${MAX_OPERATORS} operators.`);
  return { ...state, operators: [...state.operators, { name, role, publicKey }] };
}

/** Removes an operator; enough must stay to fulfil every rule. */
export function removeOperator(state: RootState, args: Readonly<Record<string, string>>): RootState {
  const name = nameArgument(args, 'name');
  const operators = state.operators.filter((operator) => operator.name !== name);
  if (operators.length === state.operators.length) throw new KeysteadError('NotFound', `There is no operator ${name}.`);
  return fulfillable({ ...state, operators });
}

/** Sets how many signatures of a role a command needs; 0 takes the rule away. */
export function setRule(
  state: RootState,
  args: Readonly<Record<string, string>>,
  commands: readonly string[],
): RootState {
  const { command = '', count: text = '' } = args;
  const role = nameArgument(args, 'role');
  if (command !== '*' && !commands.includes(command))
    throw new KeysteadError('Validation', `command: one of ${commands.join(', ')} or * wanted.`);
  const count = /^\d{1,2}$/.test(text) ? Number(text) : NaN;
  if (!(count <= MAX_OPERATORS)) throw new KeysteadError('Validation', `count: 0 to ${MAX_OPERATORS} wanted.`);
  const others = state.rules.filter((rule) => rule.command !== command || rule.role !== role);
  const rules: Rule[] = count === 0 ? others : [...others, { command, role, count }];
  if (rules.length > MAX_RULES) throw new KeysteadError('LimitExceeded', `A root has at most ${MAX_RULES} rules.`);
  return fulfillable({ ...state, rules });
}

/** Otherwise nobody could ever change anything again. */
function fulfillable(state: RootState): RootState {
  for (const { command, role, count } of state.rules) {
    const there = state.operators.filter((operator) => operator.role === role).length;
    if (there < count)
      throw new KeysteadError(
        'Conflict',
        `The rule for ${command} needs ${count} operators of role ${role}; there would be ${there}.`,
      );
  }
  return state;
}

/** The eight points of small order of Ed25519 have few encodings; with one of them anybody's signature is right. */
function isOfSmallOrder(key: Buffer): boolean {
  const y = Buffer.from(key);
  y[31] = (y[31] as number) & 0x7f;
  return SMALL_ORDER.has(y.toString('hex'));
}

// Encodings of y without its sign bit: 0, 1, p - 1, p, p + 1 and the two y of order 8
// (https://eprint.iacr.org/2020/1244, table 6).
const SMALL_ORDER: ReadonlySet<string> = new Set([
  '00'.repeat(32),
  `01${'00'.repeat(31)}`,
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  `ec${'ff'.repeat(30)}7f`,
  `ed${'ff'.repeat(30)}7f`,
  `ee${'ff'.repeat(30)}7f`,
]);

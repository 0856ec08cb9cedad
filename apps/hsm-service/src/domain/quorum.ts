import { createPublicKey, verify } from 'node:crypto';
import { KeysteadError } from '@keystead/errors';
import { signedBytes, type Command } from './command.js';
import type { Operator, RootState, Rule } from './root-state.js';

/** What one operator says to a command. */
export interface Signature {
  readonly operator: string;
  /** 64 bytes, Ed25519. */
  readonly signature: Uint8Array;
}

/** The moment at which a command is carried out. */
export interface Moment {
  readonly domain: Buffer;
  readonly generation: bigint;
  readonly now: Date;
}

/** No command is valid for longer. */
export const MAX_VALID_MS = 24 * 3_600_000;

/** Commands that change who decides. */
const GOVERNANCE: ReadonlySet<string> = new Set(['add-operator', 'remove-operator', 'set-rule']);
/** What "*" does not cover: it gives nothing away, and in an emergency one operator must be quick. */
const FREE: ReadonlySet<string> = new Set(['seal']);

/**
 * The operators who sign it are those of the root that is given up: some of them this older one may not know. Who keeps that
 * root judges their signatures; here they do not count, and are no reason to refuse.
 */
const OF_ANOTHER_ROOT: ReadonlySet<string> = new Set(['supersede-root']);

/**
 * The rules that a command must fulfil, all of them: its own, or else those of "*". A change of operators or rules must
 * fulfil every rule there is, so that nobody lowers a rule with fewer signatures than it asks for.
 */
export function rulesFor(name: string, rules: readonly Rule[]): Rule[] {
  if (GOVERNANCE.has(name)) return strictest(rules);
  const own = rules.filter(({ command }) => command === name);
  if (own.length > 0 || FREE.has(name)) return own;
  return rules.filter(({ command }) => command === '*');
}

/** Of several rules for the same role the one that asks for most. */
function strictest(rules: readonly Rule[]): Rule[] {
  const byRole = new Map<string, Rule>();
  for (const rule of rules) if ((byRole.get(rule.role)?.count ?? 0) < rule.count) byRole.set(rule.role, rule);
  return [...byRole.values()];
}

/**
 * Throws AccessDenied unless the command may be carried out at this moment: it is of this domain and generation, not
 * expired, not carried out before, and signed by as many different operators as its rules ask for.
 */
export function authorize(
  command: Command,
  bytes: Uint8Array,
  signatures: readonly Signature[],
  state: RootState,
  { domain, generation, now }: Moment,
): void {
  if (!command.domain.equals(domain)) throw refused('it was prepared for another HSM domain');
  const left = command.expires.getTime() - now.getTime();
  if (left <= 0) throw refused('it has expired');
  if (left > MAX_VALID_MS) throw refused('it is valid for more than a day');
  if (state.nonces.some(({ nonce }) => nonce.equals(command.nonce))) throw refused('it was carried out before');
  if (command.generation !== generation) throw refused('the root has changed since it was prepared');
  const counted = OF_ANOTHER_ROOT.has(command.name)
    ? signatures.filter((one) => isOfOperator(bytes, one, state.operators))
    : signatures;
  const signers = signersOf(bytes, counted, state.operators);
  for (const { role, count } of rulesFor(command.name, state.rules)) {
    const given = signers.filter((signer) => signer.role === role).length;
    if (given < count) throw refused(`it needs ${count} signatures of role ${role} and has ${given}`);
  }
}

function isOfOperator(bytes: Uint8Array, { operator, signature }: Signature, operators: readonly Operator[]): boolean {
  const known = operators.find(({ name }) => name === operator);
  return known !== undefined && isSigned(signedBytes(bytes), signature, known.publicKey);
}

function signersOf(bytes: Uint8Array, signatures: readonly Signature[], operators: readonly Operator[]): Operator[] {
  const signed = signedBytes(bytes);
  const seen = new Set<string>();
  return signatures.map(({ operator: name, signature }) => {
    const operator = operators.find((known) => known.name === name);
    if (!operator) throw refused('a signature is of nobody who is an operator of this HSM');
    if (seen.has(name)) throw refused(`operator ${name} signed twice`);
    seen.add(name);
    if (!isSigned(signed, signature, operator.publicKey)) throw refused(`the signature of operator ${name} is wrong`);
    return operator;
  });
}

/** Whether an Ed25519 signature (RFC 8032) is of this key over these bytes. */
function isSigned(bytes: Buffer, signature: Uint8Array, publicKey: Buffer): boolean {
  const key = createPublicKey({
    key: { kty: 'OKP', crv: 'Ed25519', x: publicKey.toString('base64url') },
    format: 'jwk',
  });
  return signature.length === 64 && verify(null, bytes, key, signature);
}

function refused(why: string): KeysteadError {
  return new KeysteadError('AccessDenied', `The command is refused: ${why}.`);
}

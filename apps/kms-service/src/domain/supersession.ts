import { createPublicKey, verify } from 'node:crypto';

/** A root that may have been given up. */
export interface GivenUp {
  readonly domain: Uint8Array;
  readonly generation: bigint;
  /** SHA-256 of its file. */
  readonly hash: Uint8Array;
}

/** Who decides about a root, as hsm-service tells it; keys in hex. */
export interface Governance {
  readonly operators: readonly { readonly name: string; readonly role: string; readonly key: string }[];
  readonly rules: readonly { readonly command: string; readonly role: string; readonly count: number }[];
}

/** The command by which operators gave a root up for an older one, and who signed it. */
export interface Supersession {
  readonly command: Uint8Array;
  readonly signatures: readonly { readonly operator: string; readonly signature: Uint8Array }[];
}

const COMMAND = 'supersede-root';
const PREFIX = Buffer.from('keystead/v1/command\0', 'latin1');

/**
 * Why `known` was not given up as its own rules ask; undefined if it was. The older root may have other rules, or none:
 * whoever put it back chose it.
 */
export function whyNotSuperseded(
  known: GivenUp,
  { operators, rules }: Governance,
  { command, signatures }: Supersession,
): string | undefined {
  const own = rules.filter((rule) => rule.command === COMMAND);
  const needed = own.length > 0 ? own : rules.filter((rule) => rule.command === '*');
  if (needed.length === 0) return undefined;
  if (!gives(command, known)) return 'the command is about another root';
  const signed = Buffer.concat([PREFIX, command]);
  const signers = operators.filter(({ name, key }) =>
    signatures.some(({ operator, signature }) => operator === name && isSigned(signed, signature, key)),
  );
  const lacking = needed.find(({ role, count }) => signers.filter((signer) => signer.role === role).length < count);
  return lacking && `it needs ${lacking.count} signatures of role ${lacking.role} by the operators of the known root`;
}

function gives(command: Uint8Array, { domain, generation, hash }: GivenUp): boolean {
  const { cmd, domain: named, args } = parsed(command);
  const { generation: given, hash: file } = { ...(args as Record<string, unknown> | undefined) };
  return cmd === COMMAND && named === hex(domain) && given === String(generation) && file === hex(hash);
}

function parsed(command: Uint8Array): Record<string, unknown> {
  try {
    return { ...(JSON.parse(Buffer.from(command).toString('utf8')) as object) };
  } catch {
    return {};
  }
}

/** Ed25519 (RFC 8032). */
function isSigned(bytes: Buffer, signature: Uint8Array, key: string): boolean {
  const x = Buffer.from(key, 'hex').toString('base64url');
  const publicKey = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
  return signature.length === 64 && verify(null, bytes, publicKey, signature);
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

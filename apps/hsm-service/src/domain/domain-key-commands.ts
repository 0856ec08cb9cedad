import { KeysteadError } from '@keystead/errors';
import { destroyed, nextEpoch, withNext, withoutWaiting, type RotationPolicy } from './domain-key-rotation.js';
import type { DomainKey, TransferIdentity } from './domain-keys.js';
import type { Signature } from './quorum.js';
import type { OTHER_COMMANDS, RootCommand } from './root-commands.js';
import type { RootReports } from './root-reports.js';
import type { RootState, Supersession } from './root-state.js';

const NAME = /^[a-z0-9][a-z0-9._-]{0,63}$/;
/** As many as operators. */
const MAX_SIGNATURES = 64;

/** What the commands about domain keys work with. */
export interface DomainKeyParts {
  readonly policy: RotationPolicy;
  readonly reports: RootReports;
  /** False on a replica that makes no generations. */
  readonly writer: boolean;
  readonly makeKey: (epoch: number, createdMs: bigint) => Promise<DomainKey>;
  /** The identity of the domain as it is now. */
  readonly identity: () => Promise<TransferIdentity>;
}

/** A new domain key that waits to be used. The transfer identity, which came from the first one, is kept from now on. */
export async function rotation(state: RootState, parts: DomainKeyParts, now: Date, known = 0): Promise<RootState> {
  const epoch = nextEpoch(state, known);
  const next = withNext(state, await parts.makeKey(epoch, BigInt(now.getTime())));
  return { ...next, transferIdentity: state.transferIdentity ?? (await parts.identity()) };
}

/** Commands about domain keys, by name. */
export function domainKeyCommands(
  parts: DomainKeyParts,
): Readonly<Record<(typeof OTHER_COMMANDS)[number], RootCommand>> {
  const { policy, reports } = parts;
  return {
    'rotate-domain-key': {
      ...{ event: 'RotateDomainKey', given: [] },
      edit: async (draft, { now }) => {
        mustWrite(parts);
        const state = await rotation(draft.state, parts, now);
        return { draft: { ...draft, state }, outcome: { details: { epoch: String(nextEpoch(draft.state)) } } };
      },
    },
    'destroy-domain-key': {
      ...{ event: 'DestroyDomainKey', given: ['epoch'] },
      edit: (draft, { args, now }) => {
        mustWrite(parts);
        const epoch = number(args, 'epoch');
        const state = destroyed(draft.state, epoch, policy, reports.fresh.get(epoch), now);
        return { draft: { ...draft, state } };
      },
    },
    'supersede-root': {
      ...{ event: 'SupersedeRoot', given: ['generation', 'hash', 'epoch'] },
      edit: async (draft, { args, bytes, signatures, now }) => {
        mustWrite(parts);
        const supersession = supersededBy(bytes, signatures);
        const superseded = { generation: BigInt(number(args, 'generation')), hash: hash(args) };
        // Epochs of the generation that is given up are never used again: their keys were others.
        const known = Math.max(number(args, 'epoch'), nextEpoch(draft.state) - 1);
        const state = await rotation(withoutWaiting(draft.state), parts, now, known);
        return { draft: { ...draft, state: { ...state, superseded, supersession } } };
      },
    },
  };
}

/** All signatures that could be some: whether they count is judged by the rules of the root that is given up. */
function supersededBy(command: Uint8Array, signatures: readonly Signature[]): Supersession {
  if (signatures.length > MAX_SIGNATURES)
    throw new KeysteadError('Validation', `signatures: at most ${MAX_SIGNATURES}.`);
  const named = signatures.filter(({ operator, signature }) => NAME.test(operator) && signature.length === 64);
  return {
    command: Buffer.from(command),
    signatures: named.map(({ operator, signature }) => ({ operator, signature: Buffer.from(signature) })),
  };
}

function mustWrite({ writer }: DomainKeyParts): void {
  if (!writer) throw new KeysteadError('Conflict', 'This replica makes no generations of the root: ask the writer.');
}

function number(args: Readonly<Record<string, string>>, name: string): number {
  const text = args[name] ?? '';
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new KeysteadError('Validation', `${name}: a whole number wanted.`);
}

function hash({ hash: text = '' }: Readonly<Record<string, string>>): Buffer {
  if (/^[0-9a-f]{64}$/.test(text)) return Buffer.from(text, 'hex');
  throw new KeysteadError('Validation', 'hash: 64 hex digits wanted.');
}

import { KeysteadError } from '@keystead/errors';
import {
  HsmCeremonyServiceService,
  RootCondition,
  RootStanding,
  type Ceremony,
  type DescribeRootResponse,
  type HsmCeremonyServiceServer,
  type NewRootRecipient,
  type RootRecipient,
  type RootSecret,
  type ShareProgress as WireProgress,
} from '@keystead/proto/hsm';
import { unary, type Peer, type ServiceBinding, type UnaryCall, type UnaryOptions } from '@keystead/service';
import type { handleUnaryCall } from '@grpc/grpc-js';
import { zero } from '../domain/bytes.js';
import type { Actor, Ceremonies, Root } from '../domain/ceremonies.js';
import type { NotedCeremony } from '../domain/ceremony-journal.js';
import { wipeSecret, type Secret } from '../domain/new-recipient.js';
import { splitOf, tokenOf } from '../domain/recipients.js';
import type { Slot } from '../domain/root-draft.js';
import type { RootWitness } from '../domain/root-witness.js';
import { SET_BYTES } from '../domain/shamir.js';
import type { Journal } from '../store/journal.js';
import { isKms } from './crypto.js';

/** What the ceremonies are served from. */
export interface CeremonyService {
  readonly root: Root;
  readonly witness: RootWitness;
  readonly ceremonies: Ceremonies;
  readonly journal: Journal;
}

const MAX_LISTED = 100;
const CONDITIONS = {
  UNINITIALIZED: RootCondition.ROOT_CONDITION_UNINITIALIZED,
  SEALED: RootCondition.ROOT_CONDITION_SEALED,
  OPEN: RootCondition.ROOT_CONDITION_OPEN,
} as const;

const STANDINGS = {
  UNWATCHED: RootStanding.ROOT_STANDING_UNWATCHED,
  UNHEARD: RootStanding.ROOT_STANDING_UNHEARD,
  NEWEST: RootStanding.ROOT_STANDING_NEWEST,
  SET_BACK: RootStanding.ROOT_STANDING_SET_BACK,
} as const;

/** HsmCeremonyService: for operators' certificates, the audit side for kms-service's. */
export function ceremonyService({ root, witness, ceremonies, journal }: CeremonyService): ServiceBinding {
  const implementation: HsmCeremonyServiceServer = {
    describeRoot: by(isOperatorOrKms, async () => describe(root, witness, ceremonies)),
    initialize: by(isOperator, async ({ recipient }, call) => {
      const { args, secret } = newRecipient(recipient);
      const shares = await ceremonies.initialize(actorOf(call), args, secret).finally(() => wipeSecret(secret));
      return { domainId: root.file?.header.domain ?? NOTHING, shares: shares.map(ascii) };
    }),
    unseal: by(isOperator, async (request, call) => {
      const secret = secretOf(request.secret);
      if (!secret) throw new KeysteadError('Validation', 'secret: missing.');
      await ceremonies.unseal(actorOf(call), secret).finally(() => wipeSecret(secret));
      return { condition: CONDITIONS[root.condition], progress: progressOf(ceremonies) };
    }),
    prepareCommand: by(isOperator, async ({ command: name, arguments: args, ...request }) => {
      const secret = secretOf(request.secret);
      const validMs = request.validSeconds === 0 ? undefined : request.validSeconds * 1_000;
      const { command, needed } = await ceremonies
        .prepare(name, args, secret, validMs)
        .finally(() => wipeSecret(secret));
      return { command, needed: [...needed] };
    }),
    executeCommand: by(isOperator, async ({ command, signatures, ...request }, call) => {
      const secret = secretOf(request.secret);
      const outcome = await ceremonies
        .execute(actorOf(call), command, signatures, secret)
        .finally(() => wipeSecret(secret));
      const shares = (outcome.shares ?? []).map(ascii);
      const rootGeneration = root.file?.header.generation ?? 0n;
      return { rootGeneration, shares, rootFile: outcome.file ?? NOTHING, details: { ...outcome.details } };
    }),
    verifyRootFile: by(isOperator, async ({ rootFile, ...request }, call) => {
      const secrets = request.secrets.flatMap((secret) => secretOf(secret) ?? []);
      const verified = await ceremonies
        .verify(actorOf(call), rootFile, secrets)
        .finally(() => secrets.forEach(wipeSecret));
      const { domain, generation, writtenMs } = verified.header;
      const thisDomain = root.file?.header.domain.equals(domain) ?? false;
      const { recipient, activeEpoch } = verified;
      return { domainId: domain, rootGeneration: generation, writtenMs, recipient, activeEpoch, thisDomain };
    }),
    listCeremonies: by(isKms, async () => ({ ceremonies: journal.pending(MAX_LISTED).map(onWire) }), {
      secrets: false,
    }),
    acknowledgeCeremonies: by(isKms, async ({ sequence }) => {
      await journal.delivered(Number(sequence));
      return {};
    }),
  };
  return { definition: HsmCeremonyServiceService, implementation };
}

/** A handler for peers that `allow` accepts. */
function by<Request, Response>(
  allow: (peer: Peer) => boolean,
  handler: (request: Request, call: UnaryCall) => Promise<Response>,
  options: UnaryOptions = {},
): handleUnaryCall<Request, Response> {
  return unary(async (request: Request, call) => {
    if (allow(call.peer)) return handler(request, call);
    throw new KeysteadError('AccessDenied', 'Only operators may do this.');
  }, options);
}

function isOperator(peer: Peer): boolean {
  return peer.kind === 'operator';
}

function isOperatorOrKms(peer: Peer): boolean {
  return isOperator(peer) || isKms(peer);
}

function actorOf({ peer, sourceIp }: UnaryCall): Actor {
  return { operator: peer.kind === 'operator' ? peer.name : '', sourceIp };
}

function describe(root: Root, { standing }: RootWitness, { progress }: Ceremonies): DescribeRootResponse {
  const { header, hash } = root.file ?? {};
  const open =
    root.condition === 'OPEN' ? root.read((state, slots) => ({ ...state, slots: slots.map(recipientOf) })) : undefined;
  const sealed = header?.recipients.map((recipient) => recipientOf({ recipient })) ?? [];
  return {
    condition: CONDITIONS[root.condition],
    domainId: header?.domain ?? NOTHING,
    rootGeneration: header?.generation ?? 0n,
    rootFileHash: hash ?? NOTHING,
    writtenMs: header?.writtenMs ?? 0n,
    recipients: open?.slots ?? sealed,
    operators: open ? [...open.operators] : [],
    rules: open ? [...open.rules] : [],
    damagedGenerations: [...root.damaged],
    progress: progressOf({ progress }),
    standing: STANDINGS[standing],
  };
}

function recipientOf({ recipient, record }: Pick<Slot, 'recipient'> & Partial<Slot>): RootRecipient {
  const { threshold = 0, count = 0, set } = splitOf(recipient) ?? {};
  return {
    ...{ kind: recipient.kind, name: record?.name ?? '', createdMs: record?.createdMs ?? 0n, threshold, count },
    shareSet: set?.toString('hex', 0, SET_BYTES) ?? '',
    tokenSerial: tokenOf(recipient) ?? '',
  };
}

function progressOf({ progress }: Pick<Ceremonies, 'progress'>): WireProgress | undefined {
  if (!progress) return undefined;
  return { given: progress.given, needed: progress.needed, expiresMs: BigInt(progress.expires.getTime()) };
}

function newRecipient(recipient: NewRootRecipient | undefined): {
  args: Record<string, string>;
  secret: Secret | undefined;
} {
  if (!recipient) throw new KeysteadError('Validation', 'recipient: missing.');
  const { name, threshold, count } = recipient;
  const secret = secretOf(recipient.secret);
  return { args: secret ? { name } : { name, threshold: String(threshold), count: String(count) }, secret };
}

const KINDS = { keyFile: 'KEYFILE', passphrase: 'PASSPHRASE', share: 'SHARE' } as const;

function secretOf(sent: RootSecret | undefined): Secret | undefined {
  if (!sent?.secret) return undefined;
  if (sent.secret.$case === 'device') return { kind: 'DEVICE' };
  const { $case, value } = sent.secret;
  // A copy that nothing else shares, and the message's own bytes are gone.
  const bytes = Buffer.from(value);
  zero(value);
  return { kind: KINDS[$case], bytes };
}

function ascii(line: string): Buffer {
  return Buffer.from(line, 'latin1');
}

function onWire(noted: NotedCeremony): Ceremony {
  const { eventId, event: name, operator, signers, parameters, errorCode, errorMessage, sourceIp } = noted;
  return {
    ...{
      eventId,
      name,
      operator,
      signers: [...signers],
      parameters: { ...parameters },
      errorCode,
      errorMessage,
      sourceIp,
    },
    sequence: BigInt(noted.sequence),
    atMs: BigInt(noted.atMs),
    domainId: Buffer.from(noted.domain, 'hex'),
    rootGeneration: BigInt(noted.generation),
  };
}

const NOTHING = Buffer.alloc(0);

import { KeysteadError } from '@keystead/errors';
import {
  DomainKeyState,
  HsmDomainKeyServiceService,
  HsmRootServiceService,
  type DomainKeyInfo,
  type GetRootRequest,
  type GetRootResponse,
  type HsmRootServiceServer,
  type ListDomainKeysRequest,
  type ListDomainKeysResponse,
  type PutRootRequest,
  type PutRootResponse,
  type ReportRootRequest,
  type ReportRootResponse,
  type RootGeneration,
} from '@keystead/proto/hsm';
import { unary, type ServiceBinding, type UnaryOptions } from '@keystead/service';
import type { RotationPolicy } from '../domain/domain-key-rotation.js';
import type { DomainKey } from '../domain/domain-keys.js';
import { RootError } from '../domain/root-error.js';
import type { SealedRoot } from '../domain/root-file.js';
import type { FileName } from '../domain/root-state.js';
import type { RootReports } from '../domain/root-reports.js';
import type { RootWitness } from '../domain/root-witness.js';
import type { LiveRoot } from '../store/live-root.js';
import { isKms } from './crypto.js';

/** What the root is shared from. */
export interface RootServiceParts {
  readonly root: LiveRoot;
  readonly witness: RootWitness;
  readonly reports: RootReports;
  readonly writer: boolean;
  readonly policy: RotationPolicy;
  /** Takes over a root that another replica made. */
  readonly take: (bytes: Buffer) => Promise<void>;
  /** Goes on with a rotation and destroys what may be destroyed. */
  readonly proceed: () => Promise<void>;
}

const NOTHING = Buffer.alloc(0);

/** HsmRootService: how replicas come to share one root, for kms-service; and HsmDomainKeyService. */
export function rootServices(parts: RootServiceParts): ServiceBinding[] {
  const implementation = {
    getRoot: byKms<GetRootRequest, GetRootResponse>((known) => getRoot(parts, known), { secrets: false }),
    putRoot: byKms<PutRootRequest, PutRootResponse>(async ({ sealedRoot }) => {
      if (parts.writer) throw new KeysteadError('Conflict', 'The writer of the root takes no root from others.');
      await parts.take(Buffer.from(sealedRoot)).catch((error: unknown) => {
        throw error instanceof RootError ? new KeysteadError('AccessDenied', error.message) : error;
      });
      return {};
    }),
    reportRoot: byKms<ReportRootRequest, ReportRootResponse>(async (report) => {
      await note(parts, report);
      return {};
    }),
  } satisfies { readonly [Method in keyof HsmRootServiceServer]: unknown };
  const listDomainKeys = unary<ListDomainKeysRequest, ListDomainKeysResponse>(async (_, { peer }) => {
    if (peer.kind !== 'operator' && !isKms(peer)) throw new KeysteadError('AccessDenied', 'Only operators may ask.');
    return domainKeys(parts);
  });
  return [
    { definition: HsmRootServiceService, implementation },
    { definition: HsmDomainKeyServiceService, implementation: { listDomainKeys } },
  ];
}

function byKms<Request, Response>(handler: (request: Request) => Promise<Response>, options: UnaryOptions = {}) {
  return unary<Request, Response>(async (request, { peer }) => {
    if (isKms(peer)) return handler(request);
    throw new KeysteadError('AccessDenied', 'Only kms-service may use this service.');
  }, options);
}

async function getRoot(
  { root, writer, reports, witness }: RootServiceParts,
  { knownGeneration, knownHash }: GetRootRequest,
): Promise<GetRootResponse> {
  const { generations, newest } = await root.kept();
  const [first] = generations;
  const open = root.condition === 'OPEN';
  const { superseded, supersession, history = [], operators, rules } = open ? root.read((state) => state) : {};
  const known = knownHash.length > 0 ? { generation: knownGeneration, hash: Buffer.from(knownHash) } : undefined;
  if (open) witness.heard(known, [...generations.map(fileName), ...history]);
  return {
    domainId: first?.header.domain ?? NOTHING,
    generations: [...generations.map(generation), ...history.map(name).reverse()],
    sealedRoot: newest && first && !first.hash.equals(knownHash) ? newest : NOTHING,
    ...{ writer, isSealed: !open },
    domainKeys: open ? root.read((state) => state.domainKeys.map((key) => info(key, reports))) : [],
    superseded: superseded && name(superseded),
    supersedingCommand: supersession?.command ?? NOTHING,
    supersedingSignatures: [...(supersession?.signatures ?? [])],
    ...{ operators: [...(operators ?? [])], rules: [...(rules ?? [])] },
  };
}

async function note(parts: RootServiceParts, report: ReportRootRequest): Promise<void> {
  const { root, reports, writer } = parts;
  const { file } = root;
  const same = file?.header.generation === report.sharedGeneration && file.hash.equals(report.fileHash);
  if (!writer || !same) throw new KeysteadError('Conflict', 'The report is about another root than the newest.');
  reports.shared(report.sharedGeneration);
  if (report.counted) reports.counted(report.tokens);
  await parts.proceed();
}

function domainKeys({ root, reports, policy, writer }: RootServiceParts): ListDomainKeysResponse {
  const keys = root.condition === 'OPEN' ? root.read((state) => state.domainKeys.map((key) => info(key, reports))) : [];
  return {
    ...{
      domainKeys: keys,
      rotationHours: Math.ceil(policy.periodMs / 3_600_000),
      retentionDays: policy.retentionDays,
      writer,
    },
    rootGeneration: root.file?.header.generation ?? 0n,
    sharedGeneration: reports.sharedGeneration,
  };
}

function fileName({ header: { generation }, hash }: SealedRoot): FileName {
  return { generation, hash };
}

function generation({ header, hash }: SealedRoot): RootGeneration {
  return { generation: header.generation, fileHash: hash, previousHash: header.previousHash };
}

function name({ generation, hash }: FileName): RootGeneration {
  return { generation, fileHash: hash, previousHash: NOTHING };
}

const STATES = {
  ACTIVE: DomainKeyState.DOMAIN_KEY_STATE_ACTIVE,
  DECRYPT: DomainKeyState.DOMAIN_KEY_STATE_DECRYPT,
  DESTROYED: DomainKeyState.DOMAIN_KEY_STATE_DESTROYED,
  NEXT: DomainKeyState.DOMAIN_KEY_STATE_NEXT,
} as const satisfies Record<DomainKey['state'], DomainKeyState>;

function info({ epoch, state, createdMs }: DomainKey, { tokens }: RootReports): DomainKeyInfo {
  const known = tokens.get(epoch);
  const count = tokens.size === 0 ? undefined : (known?.tokens ?? 0n);
  return { epoch, createdMs, state: STATES[state], tokens: count, closed: known?.closed ?? false };
}

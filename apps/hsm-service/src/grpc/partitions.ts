import { randomUUID } from 'node:crypto';
import type { handleUnaryCall } from '@grpc/grpc-js';
import { KeysteadError } from '@keystead/errors';
import {
  type ChangePartitionRequest,
  type ChangePartitionResponse,
  type KeyReference,
  type ListPartitionsRequest,
  type ListPartitionsResponse,
  type PartitionGenerateKeyRequest,
  type PartitionGenerateKeyResponse,
  type PartitionInfo,
  type PartitionServiceServer,
  type PartitionUnwrapKeyRequest,
  type PartitionUnwrapKeyResponse,
  type PartitionWrapKeyRequest,
  type PartitionWrapKeyResponse,
} from '@keystead/proto/hsm';
import { parseSpiffeId, spiffeId, unary, type ServiceBinding, type UnaryCall } from '@keystead/service';
import type { Partition, PartitionChange } from '../domain/partition.js';
import type { Partitions } from '../domain/partitions.js';
import type { PartitionSet } from '../domain/partition-set.js';
import { unwrapKey, wrapKey } from '../domain/partition-wrap.js';
import type { Random } from '../domain/random-pool.js';
import type { TokenCache } from '../domain/token-cache.js';
import { makesKeyPair, operations, perform, type Engines, type Operation } from './operations.js';
import { wipingPartitions } from './wipe.js';

/** What works with the keys of one partition. */
export interface PartitionWork {
  readonly engines: Engines;
  readonly random: Random;
  /** Of the engines. */
  readonly cache: TokenCache;
}

/** What the service is made of. */
export interface PartitionServiceParts {
  readonly set: PartitionSet<PartitionWork>;
  readonly partitions: Partitions;
  readonly trustDomain: string;
}

/** In the tokens of keys that belong to no account. */
const NOBODY = '000000000000';

/** PartitionService: for officers and users of partitions. */
export function partitionService({ set, partitions, trustDomain }: PartitionServiceParts): ServiceBinding {
  const nameOf = ({ peer }: UnaryCall): string => {
    if (peer.kind !== 'signer') return spiffeId(trustDomain, peer);
    throw new KeysteadError('AccessDenied', 'Partitions are for certificates.');
  };
  const use = ($case: Operation['$case']) =>
    unary<InPartition, { response: object }>(async ({ partition, request }, call) => {
      if (!request) throw new KeysteadError('Validation', 'request: missing.');
      const operation = { $case, value: withKeys(request) } as Operation;
      const run = async ({ engines }: PartitionWork): Promise<{ response: object }> => ({
        response: (await perform(operations(engines), operation)).value,
      });
      return set.use(nameOf(call), partition, run, makesKeyPair(operation));
    });
  const implementation = {
    listPartitions: unary<ListPartitionsRequest, ListPartitionsResponse>(async (_, call) => {
      const shown = call.peer.kind === 'operator' ? set.all : set.of(nameOf(call));
      return { partitions: shown.map(info) };
    }),
    changePartition: unary<ChangePartitionRequest, ChangePartitionResponse>((request, call) =>
      partitions.change(
        { name: nameOf(call), sourceIp: call.sourceIp },
        request.partition,
        changeOf(request, trustDomain),
      ),
    ),
    partitionGenerateKey: unary<PartitionGenerateKeyRequest, PartitionGenerateKeyResponse>(
      ({ partition, keySpec, keyUsage, ...named }, call) => {
        const [account, keyId] = [accountOf(named.account), named.keyId || randomUUID()];
        const wanted = { account, keyId, keySpec, keyUsage, generation: 0, multiRegion: false };
        const make = async ({ engines }: PartitionWork): Promise<PartitionGenerateKeyResponse> => {
          const { token, publicKey } = await operations(engines).generateKey(wanted);
          return { token, keyId, publicKey };
        };
        return set.use(nameOf(call), partition, make, makesKeyPair({ $case: 'generateKey', value: wanted }));
      },
    ),
    partitionWrapKey: unary<PartitionWrapKeyRequest, PartitionWrapKeyResponse>(
      ({ partition, wrappingKey, key }, call) =>
        set.use(nameOf(call), partition, async ({ engines: { vault }, random }) => ({
          wrappedKey: wrapKey(vault, random, own(wrappingKey), own(key)),
        })),
    ),
    partitionUnwrapKey: unary<PartitionUnwrapKeyRequest, PartitionUnwrapKeyResponse>(
      ({ partition, wrappingKey, wrappedKey }, call) =>
        set.use(nameOf(call), partition, ({ engines: { vault } }) => unwrapKey(vault, own(wrappingKey), wrappedKey)),
    ),
    partitionEncrypt: use('encrypt'),
    partitionDecrypt: use('decrypt'),
    partitionGenerateDataKey: use('generateDataKey'),
    partitionGenerateDataKeyPair: use('generateDataKeyPair'),
    partitionReEncrypt: use('reEncrypt'),
    partitionSign: use('sign'),
    partitionVerify: use('verify'),
    partitionGenerateMac: use('generateMac'),
    partitionVerifyMac: use('verifyMac'),
    partitionDeriveSharedSecret: use('deriveSharedSecret'),
    partitionGetPublicKey: use('getPublicKey'),
    partitionRewrap: use('rewrap'),
  } satisfies { readonly [Method in keyof PartitionServiceServer]: handleUnaryCall<never, never> | object };
  return { definition: wipingPartitions, implementation };
}

interface InPartition {
  readonly partition: string;
  readonly request: object | undefined;
}

const KEY_FIELDS = ['key', 'sourceKey', 'destinationKey'] as const;

/** Each key of a request under the account that its token must name. */
function withKeys(request: { readonly [Field in (typeof KEY_FIELDS)[number]]?: KeyReference | undefined }): object {
  const keys = KEY_FIELDS.filter((field) => field in request).map((field) => {
    const key = request[field];
    if (!key) throw new KeysteadError('Validation', `${field}: missing.`);
    return [field, { ...key, account: accountOf(key.account) }];
  });
  return { ...request, ...(Object.fromEntries(keys) as object) };
}

function accountOf(account: string): string {
  if (account === '') return NOBODY;
  if (/^\d{12}$/.test(account) && account !== NOBODY) return account;
  throw new KeysteadError('Validation', 'account: 12 digits, not all zeros, or nothing.');
}

/** A key of nobody: what belongs to an account is not wrapped, since the wrapping does not name it. */
function own(key: KeyReference | undefined): KeyReference {
  if (!key) throw new KeysteadError('Validation', 'key: missing.');
  if (key.account !== '') throw new KeysteadError('Validation', 'account: a key of somebody is not wrapped.');
  return { ...key, account: NOBODY };
}

function changeOf({ change }: ChangePartitionRequest, trustDomain: string): PartitionChange {
  switch (change?.$case) {
    case 'addUser':
      return { kind: 'add-user', who: memberOf(change.value, trustDomain) };
    case 'removeUser':
      return { kind: 'remove-user', who: memberOf(change.value, trustDomain) };
    case 'addOfficer':
      return { kind: 'add-officer', who: memberOf(change.value, trustDomain) };
    case 'removeOfficer':
      return { kind: 'remove-officer', who: memberOf(change.value, trustDomain) };
    case 'setQuorum':
      return { kind: 'set-quorum', quorum: change.value };
    case 'rotateDomainKey':
      return { kind: 'rotate-domain-key' };
    default:
      throw new KeysteadError('Validation', 'change: missing.');
  }
}

/** Whether a SPIFFE id names somebody of the trust domain exactly as certificates are compared. */
export function isMember(spiffe: string, trustDomain: string): boolean {
  const peer = parseSpiffeId(spiffe, trustDomain);
  return peer !== undefined && spiffeId(trustDomain, peer) === spiffe;
}

function memberOf(spiffe: string, trustDomain: string): string {
  if (isMember(spiffe, trustDomain)) return spiffe;
  throw new KeysteadError('Validation', `A SPIFFE id of the trust domain ${trustDomain} wanted.`);
}

function info({ domain, keys, officers, users, ...partition }: Partition): PartitionInfo {
  const activeEpoch = keys.at(-1)?.epoch ?? 0;
  return { ...partition, domainId: domain, officers: [...officers], users: [...users], activeEpoch };
}

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
import { operations, perform, type Engines, type Operation } from './operations.js';
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

/** Keys of partitions belong to no account. */
const ACCOUNT = '000000000000';

/** PartitionService: for officers and users of partitions. */
export function partitionService({ set, partitions, trustDomain }: PartitionServiceParts): ServiceBinding {
  const nameOf = ({ peer }: UnaryCall): string => {
    if (peer.kind !== 'signer') return spiffeId(trustDomain, peer);
    throw new KeysteadError('AccessDenied', 'Partitions are for certificates.');
  };
  const use = ($case: Operation['$case']) =>
    unary<InPartition, { response: object }>(async ({ partition, request }, call) => {
      if (!request) throw new KeysteadError('Validation', 'request: missing.');
      const value = 'key' in request ? { ...request, key: own(request.key) } : request;
      const run = async ({ engines }: PartitionWork): Promise<{ response: object }> => ({
        response: (await perform(operations(engines), { $case, value } as Operation)).value,
      });
      return set.use(nameOf(call), partition, run);
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
      ({ partition, keySpec, keyUsage }, call) =>
        set.use(nameOf(call), partition, async ({ engines }) => {
          const keyId = randomUUID();
          const wanted = { account: ACCOUNT, keyId, keySpec, keyUsage, generation: 0, multiRegion: false };
          const { token, publicKey } = await operations(engines).generateKey(wanted);
          return { token, keyId, publicKey };
        }),
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
  readonly request: { readonly key?: KeyReference | undefined } | object | undefined;
}

function own(key: KeyReference | undefined): KeyReference {
  if (!key) throw new KeysteadError('Validation', 'key: missing.');
  if (key.account !== '') throw new KeysteadError('Validation', 'account: keys of partitions have none.');
  return { ...key, account: ACCOUNT };
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

import { HsmServiceService, PartitionServiceService, type PipelineResponse } from '@keystead/proto/hsm';
import { zero } from '../domain/bytes.js';
import type { Outcome } from './operations.js';

type Serialize<T> = (value: T) => Buffer;

/**
 * The service as generated, but plaintexts are overwritten as soon as they are in the frame. The frame itself belongs
 * to gRPC and lives until it is sent and collected.
 */
export const wipingService = {
  ...HsmServiceService,
  pipeline: wiping(HsmServiceService.pipeline, wipeFrame),
  decrypt: wiping(HsmServiceService.decrypt, wipePlaintext),
  generateDataKey: wiping(HsmServiceService.generateDataKey, wipePlaintext),
  generateRandom: wiping(HsmServiceService.generateRandom, wipePlaintext),
  generateDataKeyPair: wiping(HsmServiceService.generateDataKeyPair, wipePrivateKey),
  deriveSharedSecret: wiping(HsmServiceService.deriveSharedSecret, wipeSecret),
  encapsulate: wiping(HsmServiceService.encapsulate, wipeSecret),
  decapsulate: wiping(HsmServiceService.decapsulate, wipeSecret),
};

/** The same for what users of partitions get. */
export const wipingPartitions = {
  ...PartitionServiceService,
  partitionDecrypt: wiping(PartitionServiceService.partitionDecrypt, ({ response }) => {
    if (response) wipePlaintext(response);
  }),
  partitionGenerateDataKey: wiping(PartitionServiceService.partitionGenerateDataKey, ({ response }) => {
    if (response) wipePlaintext(response);
  }),
  partitionGenerateDataKeyPair: wiping(PartitionServiceService.partitionGenerateDataKeyPair, ({ response }) => {
    if (response) wipePrivateKey(response);
  }),
  partitionDeriveSharedSecret: wiping(PartitionServiceService.partitionDeriveSharedSecret, ({ response }) => {
    if (response) wipeSecret(response);
  }),
};

function wiping<T, Method>(
  method: Method & { responseSerialize: Serialize<T> },
  wipe: (value: NoInfer<T>) => void,
): Method & { responseSerialize: Serialize<T> } {
  const responseSerialize: Serialize<T> = (value) => {
    const bytes = method.responseSerialize(value);
    wipe(value);
    return bytes;
  };
  return { ...method, responseSerialize };
}

function wipeFrame({ results }: PipelineResponse): void {
  for (const { outcome } of results) if (outcome) wipeOutcome(outcome);
}

function wipeOutcome(outcome: Outcome): void {
  if (outcome.$case === 'error') return;
  if ('plaintext' in outcome.value) wipePlaintext(outcome.value);
  if ('sharedSecret' in outcome.value) wipeSecret(outcome.value);
  if ('privateKeyPlaintext' in outcome.value) wipePrivateKey(outcome.value);
}

function wipeSecret({ sharedSecret }: { sharedSecret: Uint8Array }): void {
  zero(sharedSecret);
}

function wipePrivateKey({ privateKeyPlaintext }: { privateKeyPlaintext: Uint8Array }): void {
  zero(privateKeyPlaintext);
}

function wipePlaintext({ plaintext }: { plaintext: Uint8Array }): void {
  zero(plaintext);
}

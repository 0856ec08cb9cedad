import { KeysteadError } from '@keystead/errors';
import type { Call, KeyReference as WireKey, Result } from '@keystead/proto/hsm';
import { zero } from '../domain/bytes.js';
import type { Engine, KeyReference } from '../domain/engine.js';

export type Operation = NonNullable<Call['operation']>;
export type Outcome = NonNullable<Result['outcome']>;
export type Success = Exclude<Outcome, { $case: 'error' }>;

/** One function per operation of the contract; a forgotten one does not compile. */
export type Operations = {
  readonly [Case in Operation['$case']]: (
    request: Extract<Operation, { $case: Case }>['value'],
  ) => Extract<Success, { $case: Case }>['value'];
};

/** The operations of the wire, by the engine. */
export function operations(engine: Engine): Operations {
  return {
    generateKey: ({ keySpec: spec, keyUsage: usage, ...rest }) => {
      const { token, materialId } = engine.generateKey({ ...rest, spec, usage });
      return { token, materialId, publicKey: new Uint8Array() };
    },
    encrypt: ({ key, plaintext, encryptionContext }) => ({
      ciphertextBlob: engine.encrypt(named(key), plaintext, encryptionContext),
    }),
    decrypt: ({ key, ciphertextBlob, encryptionContext }) => ({
      plaintext: engine.decrypt(named(key), ciphertextBlob, encryptionContext),
    }),
    reEncrypt: ({ sourceKey, ciphertextBlob: blob, sourceEncryptionContext: context, ...to }) => ({
      ciphertextBlob: engine.reEncrypt(
        { key: named(sourceKey), blob, context },
        { key: named(to.destinationKey), context: to.destinationEncryptionContext },
      ),
    }),
    generateDataKey: ({ key, numberOfBytes, encryptionContext, withoutPlaintext }) => {
      const { plaintext, blob } = engine.generateDataKey(named(key), numberOfBytes, encryptionContext);
      if (withoutPlaintext) zero(plaintext);
      return { plaintext: withoutPlaintext ? new Uint8Array() : plaintext, ciphertextBlob: blob };
    },
    generateRandom: ({ numberOfBytes }) => ({ plaintext: engine.generateRandom(numberOfBytes) }),
    ...{ getPublicKey: later, sign: later, verify: later, generateMac: later, verifyMac: later },
    ...{ deriveSharedSecret: later, encapsulate: later, decapsulate: later, generateDataKeyPair: later },
    ...{ generateImportParameters: later, importKeyMaterial: later, rewrap: later },
    ...{ getTransferCertificate: later, exportForTransfer: later, importTransfer: later },
  };
}

/** Performs one operation; the answer travels under the same case. */
export function perform(table: Operations, { $case, value }: Operation): Success {
  const operation = table[$case] as (request: unknown) => Success['value'];
  return { $case, value: operation(value) } as Success;
}

function later(): never {
  throw new KeysteadError('UnsupportedOperation', 'This HSM does not offer the operation.');
}

function named(key: WireKey | undefined): KeyReference {
  if (!key) throw new KeysteadError('Validation', 'key: missing.');
  return key;
}

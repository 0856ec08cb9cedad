import { KeysteadError } from '@keystead/errors';
import {
  KeySpec,
  type KeyUsage,
  type Call,
  type GenerateKeyRequest,
  type KeyReference as WireKey,
  type ReEncryptRequest,
  type Result,
} from '@keystead/proto/hsm';
import type { AsymmetricEngine } from '../domain/asymmetric.js';
import { consuming, zero } from '../domain/bytes.js';
import { encryptor, type Cipher } from '../domain/encryptor.js';
import type { Engine } from '../domain/engine.js';
import type { Importer } from '../domain/importer.js';
import { generateMac, generateMacKey, isMac, verifyMac } from '../domain/mac.js';
import { isAsymmetric, keySpec } from '../domain/key-specs.js';
import { SYMMETRIC_DEFAULT } from '../domain/material.js';
import { fingerprint, type Transfer } from '../domain/transfer.js';
import type { KeyReference, KeyVault, NewKey } from '../domain/vault.js';

export type Operation = NonNullable<Call['operation']>;
export type Outcome = NonNullable<Result['outcome']>;
export type Success = Exclude<Outcome, { $case: 'error' }>;

/** What the operations are made of. */
export interface Engines {
  readonly vault: KeyVault;
  readonly symmetric: Engine;
  readonly asymmetric: AsymmetricEngine;
  readonly importer: Importer;
  readonly transfer: Transfer;
}

/** One function per operation of the contract; a forgotten one does not compile. */
export type Operations = {
  readonly [Case in Operation['$case']]: (request: Request<Case>) => Answer<Case> | Promise<Answer<Case>>;
};

type Request<Case extends Operation['$case']> = Extract<Operation, { $case: Case }>['value'];
type Answer<Case extends Operation['$case']> = Extract<Success, { $case: Case }>['value'];

/** The operations of the wire, by the engines. */
export function operations(engines: Engines): Operations {
  const table: Operations = {
    ...keys(engines),
    ...encryption(engines),
    ...signatures(engines),
    ...imports(engines),
    ...transfers(engines),
  };
  const prepared = Object.entries(table).map(([name, operation]) => [name, preparing(engines.vault, operation)]);
  return Object.fromEntries(prepared) as Operations;
}

type AnyOperation = (request: never) => unknown;

/** The operation once its keys are at hand; at once if no device is needed for them. */
function preparing(vault: KeyVault, operation: AnyOperation): AnyOperation {
  return (request) => {
    const waiting = vault.needsPreparation && vault.prepare(tokensIn(request));
    return waiting ? waiting.then(() => operation(request)) : operation(request);
  };
}

type NamedKeys = Partial<Record<'key' | 'sourceKey' | 'destinationKey', WireKey>>;

/** The tokens of the keys that a request names. */
function tokensIn({ key, sourceKey, destinationKey }: NamedKeys): Uint8Array[] {
  return [key, sourceKey, destinationKey].flatMap((named) => (named ? [named.token] : []));
}

/** Whether an operation makes a key pair, which can take seconds. */
export function makesKeyPair({ $case, value }: Operation): boolean {
  if ($case === 'generateKey') return value.keySpec !== KeySpec.KEY_SPEC_SYMMETRIC_DEFAULT;
  return $case === 'generateDataKeyPair' || $case === 'generateImportParameters';
}

function keys({ vault, symmetric, asymmetric }: Engines) {
  return {
    generateKey: async ({ keySpec: spec, keyUsage: usage, ...rest }) => {
      const wanted = { ...rest, spec, usage };
      if (spec === SYMMETRIC_DEFAULT) return { ...(await symmetric.generateKey(wanted)), publicKey: NOTHING };
      if (!isMac(spec)) return asymmetric.generateKey(wanted);
      return { ...(await generateMacKey(vault, wanted)), publicKey: NOTHING };
    },
    getPublicKey: async ({ key }) => {
      const { publicKey, spec, usage } = await asymmetric.publicKey(named(key));
      return { publicKey, keySpec: spec as KeySpec, keyUsage: usage as KeyUsage };
    },
    generateDataKey: ({ key, numberOfBytes, encryptionContext, withoutPlaintext }) => {
      const { plaintext, blob } = symmetric.generateDataKey(named(key), numberOfBytes, encryptionContext);
      if (withoutPlaintext) zero(plaintext);
      return { plaintext: withoutPlaintext ? NOTHING : plaintext, ciphertextBlob: blob };
    },
    generateDataKeyPair: async ({ key, keyPairSpec: spec, encryptionContext: context, withoutPlaintext }) => {
      const wanted = { key: named(key), spec, context };
      const { publicKey, plaintext, blob } = await asymmetric.generateDataKeyPair(symmetric, wanted);
      if (withoutPlaintext) zero(plaintext);
      return {
        ...{ publicKey, privateKeyCiphertextBlob: blob },
        privateKeyPlaintext: withoutPlaintext ? NOTHING : plaintext,
      };
    },
    generateRandom: ({ numberOfBytes }) => ({ plaintext: symmetric.generateRandom(numberOfBytes) }),
    rewrap: ({ key }) => vault.rewrap(named(key)),
  } satisfies Partial<Operations>;
}

function encryption({ vault, symmetric, asymmetric }: Engines) {
  const { encrypt, decrypt } = encryptor({ vault, symmetric, asymmetric });
  return {
    encrypt: ({ key, plaintext, encryptionContext: context, encryptionAlgorithm: algorithm }) => ({
      ciphertextBlob: encrypt({ key: named(key), context, algorithm }, plaintext),
    }),
    decrypt: ({ key, ciphertextBlob, encryptionContext: context, encryptionAlgorithm: algorithm }) =>
      mapped(decrypt({ key: named(key), context, algorithm }, ciphertextBlob), (plaintext) => ({ plaintext })),
    reEncrypt: async ({ ciphertextBlob, ...request }) => {
      const [from, to] = [sourceOf(request), destinationOf(request)];
      const plaintext = await decrypt(from, ciphertextBlob);
      return consuming(plaintext, () => ({ ciphertextBlob: encrypt(to, plaintext) }));
    },
    deriveSharedSecret: async ({ key, publicKey }) => ({
      sharedSecret: await asymmetric.deriveSharedSecret(named(key), publicKey),
    }),
    encapsulate: async ({ key }) => {
      const { sharedSecret, ciphertext } = await asymmetric.encapsulate(named(key));
      return { sharedSecret, ciphertextBlob: ciphertext };
    },
    decapsulate: async ({ key, ciphertextBlob }) => ({
      sharedSecret: await asymmetric.decapsulate(named(key), ciphertextBlob),
    }),
  } satisfies Partial<Operations>;
}

function signatures({ vault, asymmetric }: Engines) {
  return {
    sign: (request) => mapped(asymmetric.sign(named(request.key), request), (signature) => ({ signature })),
    verify: async ({ key, ...request }) => {
      await asymmetric.verify(named(key), request);
      return {};
    },
    generateMac: ({ key, message, macAlgorithm }) => ({ mac: generateMac(vault, named(key), message, macAlgorithm) }),
    verifyMac: ({ key, ...request }) => {
      verifyMac(vault, named(key), request);
      return {};
    },
  } satisfies Partial<Operations>;
}

function imports({ importer }: Engines) {
  return {
    generateImportParameters: async ({ wrappingAlgorithm, wrappingKeySpec, ...key }) => {
      const { validToMs, ...parameters } = await importer.parameters(newKey(key), wrappingAlgorithm, wrappingKeySpec);
      return { ...parameters, validToMs: BigInt(validToMs) };
    },
    importKeyMaterial: async ({ importToken, encryptedKeyMaterial: encrypted, expectedMaterialId, ...key }) =>
      await importer.importMaterial(newKey(key), { importToken, encrypted, expectedMaterialId }),
  } satisfies Partial<Operations>;
}

function transfers({ transfer, asymmetric, vault }: Engines) {
  return {
    getTransferCertificate: async () => {
      const certificate = await transfer.certificate();
      return { certificate, fingerprint: fingerprint(certificate) };
    },
    exportForTransfer: async ({ key, targetCertificate }) => ({
      transfer: await transfer.export(named(key), targetCertificate),
    }),
    importTransfer: async ({ account, keyId, transfer: bytes, sourceCertificate }) => {
      const sealed = await transfer.import({ account, keyId }, bytes, sourceCertificate);
      const key = { token: sealed.token, account, keyId };
      await vault.prepare([key.token]);
      const { spec } = vault.openAny(key).header;
      const publicKey = isAsymmetric(keySpec(spec)) ? (await asymmetric.publicKey(key)).publicKey : NOTHING;
      return { ...sealed, publicKey };
    },
  } satisfies Partial<Operations>;
}

/** Performs one operation, at once if nobody has to be waited for; the answer travels under the same case. */
export function perform(table: Operations, { $case, value }: Operation): Success | Promise<Success> {
  const operation = table[$case] as (request: unknown) => Success['value'] | Promise<Success['value']>;
  return mapped(operation(value), (answer) => ({ $case, value: answer }) as Success);
}

/** What is made of an answer, now or when it comes. */
function mapped<T, Made>(answer: T | Promise<T>, make: (answer: T) => Made): Made | Promise<Made> {
  return answer instanceof Promise ? answer.then(make) : make(answer);
}

const NOTHING = new Uint8Array();

type WireNewKey = Pick<GenerateKeyRequest, 'account' | 'keyId' | 'keySpec' | 'keyUsage' | 'multiRegion'>;

/** The first material of a key has generation 0. */
function newKey({ keySpec: spec, keyUsage: usage, ...rest }: WireNewKey & { generation?: number }): NewKey {
  return { generation: 0, ...rest, spec, usage };
}

function sourceOf(request: Omit<ReEncryptRequest, 'ciphertextBlob'>): Cipher {
  const { sourceKey, sourceEncryptionContext: context, sourceEncryptionAlgorithm: algorithm } = request;
  return { key: named(sourceKey), context, algorithm };
}

function destinationOf(request: Omit<ReEncryptRequest, 'ciphertextBlob'>): Cipher {
  const { destinationKey, destinationEncryptionContext: context, destinationEncryptionAlgorithm: algorithm } = request;
  return { key: named(destinationKey), context, algorithm };
}

function named(key: WireKey | undefined): KeyReference {
  if (!key) throw new KeysteadError('Validation', 'key: missing.');
  return key;
}

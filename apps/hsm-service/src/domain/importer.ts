import { KeysteadError } from '@keystead/errors';
import { within } from './algorithms.js';
import { Reader, u64, uint, view, zero } from './bytes.js';
import { keySpec, type KeySpec } from './key-specs.js';
import type { Run } from './jobs.js';
import { materialId, usages } from './material.js';
import { parseToken } from './token.js';
import { tokenFields, type KeyVault, type NewKey, type SealedKey } from './vault.js';

/** How long an import token lives. */
export const IMPORT_TOKEN_MS = 24 * 60 * 60 * 1000;

const EXTERNAL = 1;
const MAX_BYTES = 6144;

// By the codes of the contract.
const WRAPPING = [
  undefined,
  { hash: 'sha1', keyWrap: false },
  { hash: 'sha256', keyWrap: false },
  { hash: 'sha1', keyWrap: true },
  { hash: 'sha256', keyWrap: true },
] as const;

type Wrapping = NonNullable<(typeof WRAPPING)[number]>;

/** What the owner of the material needs to wrap it. */
export interface ImportParameters {
  readonly publicKey: Uint8Array;
  readonly importToken: Buffer;
  readonly validToMs: number;
}

/** Brings material of others in. It keeps nothing: the import token holds the wrapping key, sealed. */
export class Importer {
  readonly #vault: KeyVault;
  readonly #run: Run;

  constructor(vault: KeyVault, run: Run) {
    this.#vault = vault;
    this.#run = run;
  }

  /**
   * Makes a wrapping key pair for one key. Throws UnsupportedOperation for post-quantum keys and SM2,
   * Validation for a wrapping that AWS does not allow for this spec.
   */
  async parameters(wanted: NewKey, algorithm: number, wrappingSpec: number): Promise<ImportParameters> {
    const now = this.#vault.now();
    const fields = { ...tokenFields(wanted, now), usage: usages.IMPORT_WRAP, origin: EXTERNAL };
    checkWrapping(keySpec(wanted.spec), algorithm, keySpec(wrappingSpec));
    const validToMs = now.getTime() + IMPORT_TOKEN_MS;
    const { material, publicKey } = await this.#run('generateKeyPair', { spec: wrappingSpec });
    const content = Buffer.concat([u64(BigInt(validToMs)), uint(algorithm, 1), uint(wanted.usage, 1), material]);
    try {
      return { publicKey, validToMs, importToken: (await this.#vault.seal(fields, content)).token };
    } finally {
      zero(material, content);
    }
  }

  /**
   * Unwraps material and seals it for its key. Throws InvalidImportToken, ExpiredImportToken, InvalidCiphertext, and
   * IncorrectKeyMaterial for material that is no key of the spec, or not the one that `expectedMaterialId` names.
   */
  async importMaterial(
    wanted: NewKey,
    { importToken, encrypted, expectedMaterialId }: ImportedBytes,
  ): Promise<SealedKey & { publicKey: Uint8Array }> {
    const fields = { ...tokenFields(wanted, this.#vault.now()), origin: EXTERNAL };
    within(encrypted, MAX_BYTES, 'encrypted key material');
    const { wrapping, wrappingKey } = await this.#openToken(wanted, importToken);
    const args = { ...wrapping, material: wrappingKey, encrypted, spec: wanted.spec };
    const answer = await this.#run('unwrapMaterial', args);
    if (answer === 'unwrap') throw new KeysteadError('InvalidCiphertext', '');
    if (answer === 'material') throw incorrect('The key material does not fit the key spec.');
    try {
      const expected = expectedMaterialId.length > 0 ? view(expectedMaterialId) : undefined;
      if (expected?.equals(materialId(answer.material, fields.keyId)) === false) {
        throw incorrect('The key material is not the one that was imported before.');
      }
      return { ...(await this.#vault.seal(fields, answer.material)), publicKey: answer.publicKey };
    } finally {
      zero(answer.material);
    }
  }

  async #openToken(wanted: NewKey, importToken: Uint8Array): Promise<{ wrapping: Wrapping; wrappingKey: Uint8Array }> {
    const content = await this.#openContent(wanted, importToken);
    try {
      const reader = new Reader(content);
      const validTo = reader.u64();
      const [wrapping, usage] = [WRAPPING[reader.uint(1)], reader.uint(1)];
      if (!wrapping || usage !== wanted.usage) throw invalidToken();
      if (BigInt(this.#vault.now().getTime()) >= validTo) {
        throw new KeysteadError('ExpiredImportToken', 'The import token is expired.');
      }
      return { wrapping, wrappingKey: Uint8Array.from(reader.take(reader.remaining)) };
    } finally {
      zero(content);
    }
  }

  /** Not from the cache: an import token is used once. */
  async #openContent(wanted: NewKey, importToken: Uint8Array): Promise<Buffer> {
    const { account, keyId, multiRegion } = tokenFields(wanted, this.#vault.now());
    try {
      const token = parseToken(Buffer.from(importToken));
      const { header } = token;
      const sameKey = header.account === account && header.keyId.equals(keyId) && header.multiRegion === multiRegion;
      if (!sameKey || header.usage !== usages.IMPORT_WRAP || header.spec !== wanted.spec) throw invalidToken();
      return await this.#vault.keys.openLater(token);
    } catch (error) {
      throw error instanceof KeysteadError && error.code === 'InvalidToken' ? invalidToken() : error;
    }
  }
}

/** What an import brings. */
export interface ImportedBytes {
  readonly importToken: Uint8Array;
  readonly encrypted: Uint8Array;
  /** 32 bytes, or empty. */
  readonly expectedMaterialId: Uint8Array;
}

function checkWrapping(spec: KeySpec, algorithm: number, wrappingSpec: KeySpec): void {
  if (spec.kind === 'ml-dsa' || spec.kind === 'ml-kem') {
    throw new KeysteadError('UnsupportedOperation', `Key material of KeySpec ${spec.name} cannot be imported.`);
  }
  if (algorithm === SM2PKE) throw new KeysteadError('UnsupportedOperation', 'SM2PKE is offered in China Regions only.');
  const wrapping = WRAPPING[algorithm];
  if (!wrapping) throw new KeysteadError('Validation', 'WrappingAlgorithm is not supported.');
  if (wrappingSpec.kind !== 'rsa') throw new KeysteadError('Validation', 'WrappingKeySpec: an RSA key spec wanted.');
  if (wrapping.keyWrap) return;
  if (spec.kind === 'rsa') throw new KeysteadError('Validation', 'RSA private keys need RSA_AES_KEY_WRAP.');
  if (spec.name === 'ECC_NIST_P521' && wrappingSpec.name === 'RSA_2048') {
    throw new KeysteadError('Validation', `ECC_NIST_P521 does not fit OAEP with ${wrappingSpec.name}.`);
  }
}

const SM2PKE = 6;

function invalidToken(): KeysteadError {
  return new KeysteadError('InvalidImportToken', 'The import token is invalid, or belongs to another KMS key.');
}

function incorrect(message: string): KeysteadError {
  return new KeysteadError('IncorrectKeyMaterial', message);
}

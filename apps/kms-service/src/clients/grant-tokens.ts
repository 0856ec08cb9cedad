import { KeysteadError } from '@keystead/errors';
import { materialOf } from '../domain/blob.js';
import { serviceAccount, type Material } from '../domain/key.js';
import type { LoadedKey } from '../domain/loaded-key.js';
import { ownAlias } from '../domain/service-principal.js';
import type { KeyDirectory } from '../store/key-directory.js';
import type { HsmClient } from './hsm.js';
import { encryptionAlgorithm as hsmAlgorithm } from './hsm-names.js';

/** Which grant a token names. */
export interface GrantName {
  readonly account: string;
  readonly keyId: string;
  readonly id: string;
}

/** Grant tokens: the name of a grant, sealed by the HSM under a key of this service (ADR 0035). */
export interface GrantTokens {
  /** Another text each time. Errors: as of the HSM. */
  make(grant: GrantName): Promise<string>;
  /** What a token names, whether or not that is still there. Errors: InvalidGrantToken, and as of the HSM. */
  read(token: string): Promise<GrantName>;
}

/** Tokens that are known to be ours: that never changes, so the HSM is asked once. */
const maxKnown = 10_000;
const encryptionContext = { purpose: 'grant-token' };
const encryptionAlgorithm = hsmAlgorithm('SYMMETRIC_DEFAULT');
const named = /^(\d{12})\/([0-9a-z-]{36})\/([0-9a-f]{64})$/;

export function grantTokens({ hsm, directory }: { hsm: HsmClient; directory: KeyDirectory }): GrantTokens {
  const known = new Map<string, GrantName>();
  const ownKey = async (): Promise<LoadedKey> => {
    const id = await directory.alias(serviceAccount, ownAlias);
    const key = id === undefined ? undefined : await directory.key(serviceAccount, id);
    if (!key) throw new KeysteadError('Internal', 'The key of grant tokens is missing.');
    return key;
  };
  const open = async (token: string): Promise<GrantName> => {
    const ciphertextBlob = Buffer.from(token, 'base64');
    if (ciphertextBlob.toString('base64') !== token) throw invalid();
    const material = (await ownKey()).material(materialOf(ciphertextBlob) ?? '');
    if (!material) throw invalid();
    const sealed = { key: reference(material), ciphertextBlob, encryptionContext, encryptionAlgorithm };
    const { plaintext } = await hsm.request('decrypt', sealed).catch((error: unknown) => {
      throw error instanceof KeysteadError && error.code === 'InvalidCiphertext' ? invalid() : error;
    });
    const [, account = '', keyId = '', id = ''] = named.exec(Buffer.from(plaintext).toString()) ?? [];
    if (id === '') throw invalid();
    return { account, keyId, id };
  };
  return {
    make: async ({ account, keyId, id }) => {
      const { current } = await ownKey();
      if (!current) throw new KeysteadError('Internal', 'The key of grant tokens has no material.');
      const plaintext = Buffer.from(`${account}/${keyId}/${id}`);
      const asked = { key: reference(current), plaintext, encryptionContext, encryptionAlgorithm };
      const { ciphertextBlob } = await hsm.request('encrypt', asked);
      return Buffer.from(ciphertextBlob).toString('base64');
    },
    read: async (token) => {
      const name = known.get(token) ?? (await open(token));
      if (known.size >= maxKnown) known.delete(known.keys().next().value as string);
      known.set(token, name);
      return name;
    },
  };
}

function reference({ account, keyId, token }: Material) {
  return { account, keyId, token: token ?? new Uint8Array() };
}

function invalid(): KeysteadError {
  return new KeysteadError('InvalidGrantToken', 'The grant token is not valid.');
}

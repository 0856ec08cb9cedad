import { createPublicKey, type KeyObject } from 'node:crypto';
import { KeysteadError } from '@keystead/errors';
import { isPrepared, oaepHash, signingAlgorithm, within } from './algorithms.js';
import { zero } from './bytes.js';
import type { EncryptionContext } from './context.js';
import type { Engine } from './engine.js';
import { needsMaterial, type Run, type Signing } from './jobs.js';
import { privateKeyDer, privateKeyOf, publicDer } from './key-pairs.js';
import { isAsymmetric, keySpec, type KeySpec } from './key-specs.js';
import { usages } from './material.js';
import { oaepEncrypt, oaepMaxBytes } from './rsa.js';
import type { OpenKey } from './token-cache.js';
import { tokenFields, type KeyReference, type KeyVault, type NewKey, type SealedKey } from './vault.js';

const MAX_PLAINTEXT_BYTES = 4096;
const MAX_CIPHERTEXT_BYTES = 6144;
/** More than any SubjectPublicKeyInfo of a curve that is offered. */
const MAX_PEER_BYTES = 8192;

/** A signature to make or verify, as it comes from the wire. */
export interface SignatureRequest {
  readonly message: Uint8Array;
  readonly messageType: number;
  readonly signingAlgorithm: number;
}

/** The public half of a key, and what its token says. */
export interface PublicHalf {
  /** SubjectPublicKeyInfo DER. */
  readonly publicKey: Buffer;
  readonly spec: number;
  readonly usage: number;
}

/**
 * The operations of the HSM on key pairs. What takes long is done by `run`, so that this thread stays free.
 * Every operation throws InvalidToken, and InvalidKeyUsage if usage or algorithm do not fit the key.
 */
export class AsymmetricEngine {
  readonly #vault: KeyVault;
  readonly #run: Run;

  constructor(vault: KeyVault, run: Run) {
    this.#vault = vault;
    this.#run = run;
  }

  /** Makes a key pair and returns it sealed, with its public half. */
  async generateKey(wanted: NewKey): Promise<SealedKey & { publicKey: Uint8Array }> {
    const fields = tokenFields(wanted, this.#vault.now());
    const { material, publicKey } = await this.#run('generateKeyPair', { spec: fields.spec });
    try {
      return { ...(await this.#vault.seal(fields, material)), publicKey };
    } finally {
      zero(material);
    }
  }

  /** Throws UnsupportedOperation for keys without a public half. */
  async publicKey(claim: KeyReference): Promise<PublicHalf> {
    const key = this.#vault.openAny(claim);
    const { spec, usage } = key.header;
    const shape = keySpec(spec);
    if (!isAsymmetric(shape)) {
      throw new KeysteadError('UnsupportedOperation', `KeySpec ${shape.name} has no public key.`);
    }
    return { publicKey: await this.#publicDer(key, shape), spec, usage };
  }

  sign(claim: KeyReference, request: SignatureRequest): Uint8Array | Promise<Uint8Array> {
    const key = this.#vault.open(claim, usages.SIGN_VERIFY);
    const what = signing(key, request);
    if (needsMaterial(what)) return this.#run('signWithMaterial', { ...what, material: Uint8Array.from(key.material) });
    const { spec, algorithm, message, prepared } = what;
    return this.#run('sign', { spec, algorithm, message, prepared, key: privateKey(key) });
  }

  /** Throws KmsInvalidSignature, without a message, for a signature that does not fit. */
  async verify(claim: KeyReference, request: SignatureRequest & { signature: Uint8Array }): Promise<void> {
    const key = this.#vault.open(claim, usages.SIGN_VERIFY);
    const what = signing(key, request);
    within(request.signature, MAX_CIPHERTEXT_BYTES, 'signature');
    const { signature } = request;
    const valid =
      what.spec.kind === 'ml-dsa'
        ? await this.#run('verifyMlDsa', { ...what, signature, publicKey: await this.#publicDer(key, what.spec) })
        : await this.#run('verify', { ...what, signature, key: publicKey(key) });
    if (!valid) throw new KeysteadError('KmsInvalidSignature', '');
  }

  /** RSA-OAEP. Throws Validation for a plaintext that is longer than the key allows. */
  encrypt(claim: KeyReference, plaintext: Uint8Array, algorithm: number): Buffer {
    const key = this.#vault.open(claim, usages.ENCRYPT_DECRYPT);
    const spec = keySpec(key.header.spec);
    const hash = oaepHash(algorithm, spec) as string;
    within(plaintext, MAX_PLAINTEXT_BYTES, 'plaintext');
    const max = oaepMaxBytes(spec.modulusBits as number, hash);
    if (plaintext.length <= max) return oaepEncrypt(publicKey(key), hash, plaintext);
    const name = hash === 'sha1' ? 'RSAES_OAEP_SHA_1' : 'RSAES_OAEP_SHA_256';
    const what = `Algorithm ${name} and key spec ${spec.name} cannot encrypt data larger than ${max} bytes.`;
    throw new KeysteadError('Validation', what);
  }

  /** RSA-OAEP. Throws InvalidCiphertext, without a message. */
  async decrypt(claim: KeyReference, ciphertext: Uint8Array, algorithm: number): Promise<Uint8Array> {
    const key = this.#vault.open(claim, usages.ENCRYPT_DECRYPT);
    const hash = oaepHash(algorithm, keySpec(key.header.spec)) as string;
    within(ciphertext, MAX_CIPHERTEXT_BYTES, 'ciphertext blob');
    return fitting(await this.#run('decrypt', { key: privateKey(key), hash, ciphertext }));
  }

  /** ECDH. Throws Validation for a peer's key that is malformed, not on the curve, or on another one. */
  async deriveSharedSecret(claim: KeyReference, peer: Uint8Array): Promise<Uint8Array> {
    const key = this.#vault.open(claim, usages.KEY_AGREEMENT);
    within(peer, MAX_PEER_BYTES, 'public key');
    const own = await this.#publicDer(key, specFor(key, usages.KEY_AGREEMENT));
    const secret = await this.#run('agree', { key: privateKey(key), own, peer });
    if (secret) return secret;
    throw new KeysteadError('Validation', 'The public key is not a valid key on the curve of the KMS key.');
  }

  async encapsulate(claim: KeyReference): Promise<{ sharedSecret: Uint8Array; ciphertext: Uint8Array }> {
    const key = this.#vault.open(claim, usages.ENCAPSULATE_DECAPSULATE);
    const spec = specFor(key, usages.ENCAPSULATE_DECAPSULATE);
    return await this.#run('encapsulate', { spec, publicKey: await this.#publicDer(key, spec) });
  }

  /** Throws InvalidCiphertext for a capsule of a wrong length only: others are rejected implicitly (FIPS 203). */
  async decapsulate(claim: KeyReference, ciphertext: Uint8Array): Promise<Uint8Array> {
    const key = this.#vault.open(claim, usages.ENCAPSULATE_DECAPSULATE);
    const spec = specFor(key, usages.ENCAPSULATE_DECAPSULATE);
    return fitting(await this.#run('decapsulate', { spec, ciphertext, material: Uint8Array.from(key.material) }));
  }

  /** Makes a key pair for use elsewhere, its private half also encrypted under a symmetric key. */
  async generateDataKeyPair(
    engine: Engine,
    { key, spec: code, context }: { key: KeyReference; spec: number; context: EncryptionContext },
  ): Promise<{ publicKey: Uint8Array; plaintext: Buffer; blob: Buffer }> {
    const spec = keySpec(code);
    if (!isAsymmetric(spec) || spec.kind === 'ml-dsa') {
      throw new KeysteadError('Validation', `KeyPairSpec ${spec.name} is not offered for data key pairs.`);
    }
    engine.mustEncrypt(key); // before the seconds that an RSA key takes
    const { material, publicKey } = await this.#run('generateKeyPair', { spec: code });
    const plaintext = privateKeyDer(spec, material);
    zero(material);
    try {
      return { publicKey, plaintext, blob: engine.encrypt(key, plaintext, context) };
    } catch (error) {
      zero(plaintext);
      throw error;
    }
  }

  /** The public half of a key whose material came from elsewhere. */
  async #publicDer(key: OpenKey, spec: KeySpec): Promise<Buffer> {
    const { handles } = key;
    if (spec.kind !== 'ml-dsa' && spec.kind !== 'ml-kem') return (handles.publicDer ??= publicDer(privateKey(key)));
    const made = handles.publicDer ?? (await this.#ofSeed(key, spec));
    return (handles.publicDer = made);
  }

  async #ofSeed({ material }: OpenKey, spec: KeySpec): Promise<Buffer> {
    return Buffer.from(await this.#run('publicKeyOfSeed', { spec, material: Uint8Array.from(material) }));
  }
}

function signing(key: OpenKey, { message, messageType, signingAlgorithm: code }: SignatureRequest): Signing {
  const spec = keySpec(key.header.spec);
  const algorithm = signingAlgorithm(code, spec);
  return { spec, algorithm, message, prepared: isPrepared(algorithm, messageType, message) };
}

function privateKey({ handles, material }: OpenKey): KeyObject {
  return (handles.privateKey ??= privateKeyOf(material));
}

function publicKey(key: OpenKey): KeyObject {
  return (key.handles.publicKey ??= createPublicKey(privateKey(key)));
}

/** AWS sends InvalidCiphertextException without a message. */
/** The spec of a key, which must be one that can have this usage at all: a token may claim any pair of them. */
function specFor({ header }: OpenKey, usage: number): KeySpec {
  const spec = keySpec(header.spec);
  if (spec.usages.includes(usage)) return spec;
  throw new KeysteadError('InvalidKeyUsage', `KeySpec ${spec.name} is not valid for this operation.`);
}

function fitting(answer: Uint8Array | undefined): Uint8Array {
  if (answer) return answer;
  throw new KeysteadError('InvalidCiphertext', '');
}

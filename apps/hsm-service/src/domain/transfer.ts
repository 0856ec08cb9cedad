import { createHash } from 'node:crypto';
import { KeysteadError } from '@keystead/errors';
import { within } from './algorithms.js';
import { consuming, lending, uint, view, zero } from './bytes.js';
import type { Run } from './jobs.js';
import { parseAccount, parseKeyId } from './identity.js';
import { isMaterial } from './material.js';
import { parseToken, TOKEN_OVERHEAD, type TokenHeader } from './token.js';
import { parseCertificate, type Certificate } from './transfer-seal.js';
import type { KeyReference, KeyVault, SealedKey } from './vault.js';

// "KSXF" 0x01 | source domain and epoch 20 | target domain and epoch 20 | the first 104 bytes of the token
const PREFIX = Buffer.from('KSXF\u0001', 'latin1');
const NAME_BYTES = 20;
const TOKEN_HEAD_BYTES = 104;
const HEAD_BYTES = PREFIX.length + 2 * NAME_BYTES + TOKEN_HEAD_BYTES;
const MAX_TRANSFER_BYTES = 16_384;

/**
 * Moves material of multi-Region keys between domains, never in the clear. Operators of both pin the other's
 * certificate by its fingerprint, so that nobody who can merely reach this service gets or plants a key.
 */
export class Transfer {
  readonly #vault: KeyVault;
  readonly #run: Run;
  readonly #peers: ReadonlySet<string>;

  /** `peers`: SHA-256 of the certificates of the domains that may be dealt with, in hex. */
  constructor(vault: KeyVault, run: Run, peers: ReadonlySet<string>) {
    this.#vault = vault;
    this.#run = run;
    this.#peers = peers;
  }

  /** The certificate of this domain; it stays the same when the domain key is rotated. */
  async certificate(): Promise<Uint8Array> {
    const { epoch, secret: material } = await this.#identity();
    return this.#run('makeCertificate', { material, name: this.#name(epoch) });
  }

  /** Throws UnsupportedOperation for a single-Region key, AccessDenied for a domain that is not pinned. */
  async export(claim: KeyReference, certificate: Uint8Array): Promise<Uint8Array> {
    const target = this.#pinned(certificate);
    const { header, material } = this.#vault.openAny(claim);
    if (!header.multiRegion) {
      throw new KeysteadError('UnsupportedOperation', 'Only multi-Region keys can be transferred.');
    }
    // The cache may overwrite its own while the identity is derived.
    return lending(Buffer.from(material), async (copy) => {
      const { epoch, secret } = await this.#identity();
      const tokenHead = view(claim.token).subarray(0, TOKEN_HEAD_BYTES);
      const head = Buffer.concat([PREFIX, this.#name(epoch), target.name, tokenHead]);
      const both = consuming(secret, () => Buffer.concat([secret, copy]));
      return this.#run('sealTransfer', { material: both, head, certificate });
    });
  }

  /** Throws AccessDenied for a domain that is not pinned, InvalidToken for a transfer that is not meant for this key. */
  async import(to: Omit<KeyReference, 'token'>, transfer: Uint8Array, certificate: Uint8Array): Promise<SealedKey> {
    const source = this.#pinned(certificate);
    within(transfer, MAX_TRANSFER_BYTES, 'transfer');
    const { header, epoch } = this.#head(to, view(transfer), source);
    const identity = await this.#identity();
    if (identity.epoch !== epoch) throw refused();
    const args = { material: identity.secret, transfer, certificate, headBytes: HEAD_BYTES };
    const material = await this.#run('openTransfer', args);
    if (!material) throw refused();
    return lending(material, async () => {
      if (!isMaterial(material, header.keyId, header.materialId)) throw refused();
      return this.#vault.seal(header, material);
    });
  }

  /** What the transfer says of itself; the signature over it is checked when it is opened. */
  #head(
    to: Omit<KeyReference, 'token'>,
    transfer: Buffer,
    source: Certificate,
  ): { header: TokenHeader; epoch: number } {
    const names = transfer.subarray(PREFIX.length, PREFIX.length + 2 * NAME_BYTES);
    const target = names.subarray(NAME_BYTES);
    const domain = target.subarray(0, 16);
    const fits = transfer.length > HEAD_BYTES && transfer.subarray(0, PREFIX.length).equals(PREFIX);
    if (!fits || !names.subarray(0, NAME_BYTES).equals(source.name) || !domain.equals(this.#vault.keys.domain)) {
      throw refused();
    }
    const header = headerOf(transfer.subarray(HEAD_BYTES - TOKEN_HEAD_BYTES, HEAD_BYTES));
    const wanted = parseKeyId(to.keyId);
    const same = wanted?.keyId.equals(header.keyId) && wanted.multiRegion && header.multiRegion;
    if (!same || parseAccount(to.account) !== header.account) throw refused();
    return { header, epoch: target.readUInt32BE(16) };
  }

  #pinned(certificate: Uint8Array): Certificate {
    const parsed = this.#peers.has(fingerprint(certificate).toString('hex'))
      ? parseCertificate(certificate)
      : undefined;
    if (parsed) return parsed;
    throw new KeysteadError(
      'AccessDenied',
      'The operators of this HSM have not pinned the certificate of that domain.',
    );
  }

  /** The identity of this domain. The caller overwrites the secret. */
  async #identity(): Promise<{ epoch: number; secret: Uint8Array }> {
    const { epoch, secret } = await this.#vault.keys.transferIdentity();
    try {
      return { epoch, secret: Uint8Array.from(secret) };
    } finally {
      zero(secret);
    }
  }

  #name(epoch: number): Buffer {
    return Buffer.concat([this.#vault.keys.domain, uint(epoch, 4)]);
  }
}

/** What operators pin. */
export function fingerprint(certificate: Uint8Array): Buffer {
  return createHash('sha256').update(certificate).digest();
}

/** A token's header from its first bytes, by the parser of tokens. */
function headerOf(head: Buffer): TokenHeader {
  const length = head.readUInt32BE(TOKEN_HEAD_BYTES - 4);
  if (length > MAX_TRANSFER_BYTES) throw refused();
  return parseToken(Buffer.concat([head, Buffer.alloc(TOKEN_OVERHEAD - TOKEN_HEAD_BYTES + length)])).header;
}

function refused(): KeysteadError {
  return new KeysteadError('InvalidToken', 'The transfer is damaged, or meant for another domain or key.');
}

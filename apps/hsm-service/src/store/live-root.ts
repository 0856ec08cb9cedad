import { randomBytes } from 'node:crypto';
import { KeysteadError } from '@keystead/errors';
import { zero } from '../domain/bytes.js';
import type { DomainKey, DomainKeys, KeyDevice } from '../domain/domain-keys.js';
import type { PartitionSet } from '../domain/partition-set.js';
import { unwrapBy, wrapFor, type NewRecipient, type Unlock } from '../domain/recipients.js';
import { RootError } from '../domain/root-error.js';
import {
  openRoot,
  parseRoot,
  ROOT_SALT_BYTES,
  sealRoot,
  type RootHeader,
  type SealedRoot,
} from '../domain/root-file.js';
import { adopt, partitionKeys, rewrapped, slotsOf, wipeState, type Draft, type Slot } from '../domain/root-draft.js';
import { stateOf, type RootState } from '../domain/root-state.js';
import { forgetBefore, keptRoots, loadRoot, readRoot, saveRoot } from './root-store.js';

/** How many generations kms-service may miss and still tell that the root follows on what it knows: 10 KiB. */
const HISTORY_LENGTH = 256;

/** What a root works with. */
export interface RootParts {
  /** Where the root files lie. */
  readonly directory: string;
  /** Gets the domain keys when the root opens, and loses them when it is sealed. */
  readonly keys: DomainKeys;
  /** Get the keys of the partitions, and lose them, likewise. */
  readonly partitions?: Pick<PartitionSet<unknown>, 'load' | 'close'>;
  readonly now: () => Date;
  /** Overwrites what was made of domain keys: caches, threads. */
  readonly wipe: () => void;
  /** The device that holds domain keys, where one is configured. */
  readonly device?: KeyDevice | undefined;
  /** Makes a domain key, in memory or in the device. */
  readonly makeKey: (epoch: number, createdMs: bigint) => Promise<DomainKey>;
}

/** UNINITIALIZED: there is no root file. SEALED: there is one, and nobody opened it. */
export type RootCondition = 'UNINITIALIZED' | 'SEALED' | 'OPEN';

interface Opened {
  readonly file: SealedRoot;
  readonly rws: Buffer;
  /** Of the recipient that opened a file of the first version, which holds no records of recipients. */
  readonly found: { readonly index: number; readonly kek: Buffer } | undefined;
}

/**
 * The root of a running HSM. One thing is done after another; every change is a new generation on the disk before
 * anything works with it.
 */
export class LiveRoot {
  readonly #parts: RootParts;
  #file: SealedRoot | undefined;
  #opened: Opened | undefined;
  #damaged: readonly bigint[] = [];
  #turn: Promise<unknown> = Promise.resolve();

  constructor(parts: RootParts) {
    this.#parts = parts;
  }

  get condition(): RootCondition {
    if (this.#opened) return 'OPEN';
    return this.#file ? 'SEALED' : 'UNINITIALIZED';
  }

  /** The root file in use, or the one that would be opened. */
  get file(): SealedRoot | undefined {
    return this.#file;
  }

  /** Newer generations that were found damaged and passed over at the last look, newest first. */
  get damaged(): readonly bigint[] {
    return this.#damaged;
  }

  /** Looks at the root directory, and opens nothing. Throws RootError. */
  look(): Promise<void> {
    return this.#inTurn(() => this.#look());
  }

  /** Makes a root where there is none; it is open afterwards. Throws RootError if there is one. */
  create(name: string, recipient: NewRecipient): Promise<void> {
    return this.#inTurn(async () => {
      await this.#look();
      if (this.#file) throw new RootError('unsupported', 'There is a root already; it is never overwritten.');
      const rws = randomBytes(32);
      const { header, state } = await this.#firstRoot(name, recipient);
      this.#adopt(await this.#write({ ...header, recipients: [wrapFor(recipient, rws)] }, state, rws), rws, state);
    });
  }

  /** Opens the newest whole root file. Throws RootError; an open root stays as it is. */
  unseal(unlock: Unlock): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#opened) return;
      await this.#look();
      if (!this.#file) throw new RootError('unsupported', 'There is no root yet: `keystead hsm init` makes one.');
      const file = this.#file;
      const { rws, kek, index } = await unwrapBy(unlock, file.header.recipients);
      const state = openRoot(file, rws);
      this.#mustHaveDevice(state);
      this.#adopt(file, rws, state, { index, kek });
    });
  }

  /** Overwrites everything that was made of the root; it can be opened again. */
  seal(): void {
    if (this.#opened) zero(this.#opened.rws, this.#opened.found?.kek ?? Buffer.alloc(0));
    this.#opened = undefined;
    this.#parts.keys.close();
    this.#parts.partitions?.close();
    this.#parts.wipe();
  }

  /**
   * Writes the next generation. `edit` gets what the root holds and gives what it shall hold; what it throws changes
   * nothing. A change of recipients makes a fresh root wrapping secret, and without one of the recipients also makes
   * an end of the older files, which that one could still open. Throws Sealed, RootError.
   */
  change(edit: (draft: Draft, header: RootHeader) => Draft | Promise<Draft>): Promise<SealedRoot> {
    return this.#inTurn(async () => {
      const { file, rws, found } = this.#mustBeOpen();
      const state = openRoot(file, rws);
      const slots = slotsOf(file.header, state, found);
      const { written, fresh, next, older } = await this.#next(edit, { file, rws, state, slots });
      if (older) await forgetBefore(this.#parts.directory, written.header.generation);
      const kept = new Set(partitionKeys(next));
      zero(...partitionKeys(state).filter((key) => !kept.has(key)));
      if (this.#opened) this.#adopt(written, fresh, next);
      else this.#sealedMeanwhile(written, fresh, next);
      await this.#destroyInDevice(state, next);
      return written;
    });
  }

  /** Writes what `edit` makes of the state; `older`: older files must go. Where it fails the state is overwritten. */
  async #next(
    edit: (draft: Draft, header: RootHeader) => Draft | Promise<Draft>,
    { file, rws, state, slots }: { file: SealedRoot; rws: Buffer; state: RootState; slots: readonly Slot[] },
  ): Promise<{ written: SealedRoot; fresh: Buffer; next: RootState; older: boolean }> {
    try {
      const draft = await edit({ state, slots }, file.header);
      // Sealed in between, the secret is zeros, and a root sealed with that would be open to everybody.
      this.#mustBeOpen();
      const fresh = draft.slots === slots ? Buffer.from(rws) : randomBytes(32);
      const history = [...(state.history ?? []), { generation: file.header.generation, hash: file.hash }];
      const next = {
        ...{ ...draft.state, history: history.slice(-HISTORY_LENGTH) },
        recipients: draft.slots.map(({ record }) => record),
      };
      const written = await this.#write(this.#following(file, draft.slots, fresh), next, fresh);
      return { written, fresh, next, older: removes(slots, draft.slots) || destroys(state, next) };
    } catch (error) {
      wipeState(state);
      throw error;
    }
  }

  #sealedMeanwhile(file: SealedRoot, rws: Buffer, state: RootState): void {
    this.#file = file;
    zero(rws);
    wipeState(state);
  }

  /** Reads what the root holds; keys in it are overwritten afterwards. Throws Sealed. */
  read<T>(use: (state: RootState, slots: readonly Slot[]) => T): T {
    const { file, rws, found } = this.#mustBeOpen();
    const state = openRoot(file, rws);
    try {
      return use(state, slotsOf(file.header, state, found));
    } finally {
      wipeState(state);
    }
  }

  /** The generations that are on the disk, newest first, and the bytes of the newest: for replicas, open or not. */
  kept(): Promise<{ readonly generations: readonly SealedRoot[]; readonly newest: Buffer | undefined }> {
    return this.#inTurn(async () => {
      const { directory } = this.#parts;
      const file = this.#file;
      const generations = (await keptRoots(directory)).filter(
        ({ header }) => file && header.generation <= file.header.generation,
      );
      return { generations, newest: file && (await readRoot(directory, file)) };
    });
  }

  /**
   * Takes over a newer generation of the same domain, which another replica made. It must open: by the root wrapping
   * secret in memory, or by `unlock` where that is another one, or where this HSM is sealed. A sealed one stays sealed.
   * Throws RootError, Conflict for a generation that is not newer, Sealed without anything that opens it.
   */
  take(bytes: Buffer, unlock: () => Promise<Unlock | undefined>): Promise<void> {
    return this.#inTurn(async () => {
      const file = parseRoot(bytes);
      const { domain, generation } = file.header;
      const mine = this.#file?.header;
      if (mine && !mine.domain.equals(domain)) throw new RootError('tampered', 'The root is of another HSM domain.');
      if (mine && mine.generation >= generation)
        throw new KeysteadError('Conflict', `Root generation ${generation} is not newer than ${mine.generation}.`);
      const first = this.condition === 'UNINITIALIZED';
      const { rws, found } = this.#sameSecret(file) ?? (await this.#newSecret(file, unlock));
      const state = openRoot(file, rws);
      this.#mustHaveDevice(state);
      await saveRoot(this.#parts.directory, bytes);
      // Another secret means other recipients: those who are not among them any more could open the older files.
      if (this.#opened && (!this.#opened.rws.equals(rws) || this.read((old) => destroys(old, state))))
        await forgetBefore(this.#parts.directory, generation);
      if (this.#opened || first) {
        this.#adopt(file, rws, state, found);
        return;
      }
      this.#file = file;
      zero(rws, ...adopt(state).map(({ key }) => key), state.transferIdentity?.secret ?? Buffer.alloc(0));
      zero(...partitionKeys(state));
    });
  }

  /** The secret in memory, if it seals this file too. */
  #sameSecret(file: SealedRoot): { rws: Buffer; found?: Opened['found'] } | undefined {
    if (!this.#opened) return undefined;
    const { rws, found } = this.#opened;
    try {
      const state = openRoot(file, rws);
      zero(...adopt(state).map(({ key }) => key), state.transferIdentity?.secret ?? Buffer.alloc(0));
      zero(...partitionKeys(state));
      return { rws: Buffer.from(rws), found };
    } catch (error) {
      if (error instanceof RootError) return undefined;
      throw error;
    }
  }

  async #newSecret(
    file: SealedRoot,
    unlock: () => Promise<Unlock | undefined>,
  ): Promise<{ rws: Buffer; found?: Opened['found'] }> {
    const given = await unlock();
    if (!given) throw new KeysteadError('Sealed', 'Nothing is here that opens the newer root.');
    const { rws, kek, index } = await unwrapBy(given, file.header.recipients);
    return { rws, found: { index, kek } };
  }

  /** The bytes of the root file in use: sealed, as good as a backup. Throws Sealed, RootError. */
  bytes(): Promise<Buffer> {
    return this.#inTurn(() => readRoot(this.#parts.directory, this.#mustBeOpen().file));
  }

  async #look(): Promise<void> {
    const stored = await loadRoot(this.#parts.directory);
    this.#mustFollow(stored?.root);
    this.#file = stored?.root;
    this.#damaged = stored?.damaged ?? [];
  }

  /** What was here before is neither gone nor another file of its generation. */
  #mustFollow(root: SealedRoot | undefined): void {
    if (!this.#file) return;
    const { hash, header } = this.#file;
    const { generation } = header;
    if (!root || root.header.generation < generation)
      throw new RootError('tampered', `Root generation ${generation} was here before and is gone.`);
    if (root.header.generation === generation && !root.hash.equals(hash))
      throw new RootError('tampered', `Root generation ${generation} is another file than before.`);
  }

  #following(file: SealedRoot, slots: readonly Slot[], rws: Buffer): RootHeader {
    const { domain, generation } = file.header;
    return {
      // The numbers of damaged generations are taken.
      ...{ domain, generation: this.#damaged.reduce((a, b) => (a > b ? a : b), generation) + 1n },
      previousHash: file.hash,
      writtenMs: BigInt(this.#parts.now().getTime()),
      recipients: slots.map((slot) => rewrapped(slot, rws)),
    };
  }

  #write(header: RootHeader, state: RootState, rws: Buffer): Promise<SealedRoot> {
    return saveRoot(this.#parts.directory, sealRoot(header, rws, state, randomBytes(ROOT_SALT_BYTES)));
  }

  #adopt(file: SealedRoot, rws: Buffer, state: RootState, found?: Opened['found']): void {
    if (this.#opened) zero(this.#opened.rws);
    this.#file = file;
    if (this.#damaged.every((generation) => generation < file.header.generation)) this.#damaged = [];
    // Records of recipients make it needless to remember how the file was opened.
    this.#opened = { file, rws, found: state.recipients.length > 0 ? undefined : found };
    this.#parts.keys.load(Buffer.from(file.header.domain), adopt(state), this.#parts.device);
    this.#parts.keys.keepIdentity(state.transferIdentity);
    this.#parts.partitions?.load(state.partitions ?? []);
  }

  async #firstRoot(
    name: string,
    { kek }: NewRecipient,
  ): Promise<{ header: Omit<RootHeader, 'recipients'>; state: RootState }> {
    const createdMs = BigInt(this.#parts.now().getTime());
    const header = {
      domain: randomBytes(16),
      ...{ generation: 1n, writtenMs: createdMs, previousHash: Buffer.alloc(32) },
    };
    const domainKeys = [await this.#parts.makeKey(1, createdMs)];
    return { header, state: { ...stateOf(domainKeys), recipients: [{ name, createdMs, kek: Buffer.from(kek) }] } };
  }

  #mustHaveDevice({ domainKeys }: RootState): void {
    if (!this.#parts.device && domainKeys.some(({ deviceId }) => deviceId)) throw noDevice();
  }

  /** Keys of the device that the root does not name any more; one that the device keeps is of no use to anybody. */
  async #destroyInDevice(before: RootState, after: RootState): Promise<void> {
    const named = new Set(
      after.domainKeys.map(({ deviceId, state }) => state !== 'DESTROYED' && deviceId?.toString('hex')),
    );
    const gone = before.domainKeys.flatMap(({ deviceId }) =>
      deviceId && !named.has(deviceId.toString('hex')) ? [deviceId] : [],
    );
    for (const id of gone) await this.#parts.device?.destroy(id).catch(() => undefined);
  }

  #mustBeOpen(): Opened {
    if (this.#opened) return this.#opened;
    throw new KeysteadError('Sealed', 'The HSM is sealed.');
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work, work);
    this.#turn = turn.catch(() => undefined);
    return turn;
  }
}

function noDevice(): RootError {
  return new RootError(
    'unsupported',
    'The domain keys of this root lie in a PKCS#11 device, and none is configured (KEYSTEAD_PKCS11_MODULE).',
  );
}

/** Whether a key of the one is none of the other any more: older files, which still hold it, must go. */
function destroys(before: RootState, after: RootState): boolean {
  const left = new Set(after.partitions?.map(({ domain }) => domain.toString('hex')));
  const gone = (before.partitions ?? []).some(({ domain }) => !left.has(domain.toString('hex')));
  const destroyed = (state: RootState): number => state.domainKeys.filter((key) => key.state === 'DESTROYED').length;
  return gone || destroyed(after) > destroyed(before);
}

function removes(before: readonly Slot[], after: readonly Slot[]): boolean {
  const names = new Set(after.map(({ record }) => record.name));
  return before.some(({ record }) => !names.has(record.name));
}

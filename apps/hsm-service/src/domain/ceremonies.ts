import { randomBytes } from 'node:crypto';
import { KeysteadError } from '@keystead/errors';
import { Attempts } from './attempts.js';
import { consuming, zero } from './bytes.js';
import { encodeCommand, parseCommand, type Command } from './command.js';
import { nameArgument } from './governance.js';
import {
  mustHave,
  recipientArguments,
  recipientOf,
  unlockByDevice,
  type RootDevice,
  type Secret,
} from './new-recipient.js';
import { authorize, MAX_VALID_MS, rulesFor, type Signature } from './quorum.js';
import { splitOf, unwrapBy, type NewRecipient, type Unlock } from './recipients.js';
import { ROOT_COMMANDS, type CommandOutcome, type RootCommand } from './root-commands.js';
import { slotsOf, wipeState, type Draft, type Slot } from './root-draft.js';
import { RootError } from './root-error.js';
import { openRoot, parseRoot, type RootHeader, type SealedRoot } from './root-file.js';
import type { RootState, Rule } from './root-state.js';
import type { RootWitness } from './root-witness.js';
import { combineShares, formatShare, parseShare, SET_BYTES, type Share } from './shamir.js';
import { ShareSession, type ShareProgress } from './share-session.js';

/** The root as ceremonies use it. */
export interface Root {
  readonly condition: 'UNINITIALIZED' | 'SEALED' | 'OPEN';
  readonly file: SealedRoot | undefined;
  readonly damaged: readonly bigint[];
  look(): Promise<void>;
  create(name: string, recipient: NewRecipient): Promise<void>;
  unseal(unlock: Unlock): Promise<void>;
  seal(): void;
  change(edit: (draft: Draft, header: RootHeader) => Promise<Draft>): Promise<SealedRoot>;
  read<T>(use: (state: RootState, slots: readonly Slot[]) => T): T;
  /** The bytes of the root file in use. */
  bytes(): Promise<Buffer>;
}

/** Who does something, as the certificate and the connection say. */
export interface Actor {
  readonly operator: string;
  readonly sourceIp: string;
}

/** What was done or tried, without secrets. */
export interface CeremonyNote extends Actor {
  readonly event: string;
  readonly signers: readonly string[];
  readonly parameters: Readonly<Record<string, string>>;
  readonly error?: KeysteadError;
  /** Of the root afterwards. */
  readonly file: SealedRoot | undefined;
}

/** What ceremonies work with. */
export interface CeremonyParts {
  readonly root: Root;
  readonly now: () => Date;
  /** Writes it down durably, before anybody is answered. */
  readonly note: (ceremony: CeremonyNote) => Promise<void>;
  /** False for a replica that gets its root from another one. */
  readonly writer?: boolean;
  /** The PKCS#11 device, where one is configured. */
  readonly device?: RootDevice | undefined;
  readonly witness: RootWitness;
  /** Notes a restore since the last look, of which nobody has noted anything yet. */
  readonly noteRestore?: () => Promise<void>;
  readonly commands?: Readonly<Record<string, RootCommand>>;
}

/** A root file that opens. */
export interface Verified {
  readonly header: RootHeader;
  readonly recipient: string;
  readonly activeEpoch: number;
}

const DEFAULT_VALID_MS = 3_600_000;

/** Give nothing away that whoever put the root back does not have; the last one is how operators go on with it. */
const ON_ANY_ROOT: ReadonlySet<string> = new Set(['seal', 'backup', 'supersede-root']);

/** What operators do with the root of trust. Everything but questions is noted, refusals too. */
export class Ceremonies {
  readonly #parts: CeremonyParts;
  readonly #commands: Readonly<Record<string, RootCommand>>;
  readonly #shares = new ShareSession();
  readonly #attempts = new Attempts();
  /** Apart from the others: whoever brings a root file of his own, and what opens it, has not guessed anything here. */
  readonly #verifications = new Attempts();

  constructor(parts: CeremonyParts) {
    this.#parts = parts;
    this.#commands = parts.commands ?? ROOT_COMMANDS;
  }

  /** Shares that were given so far. */
  get progress(): ShareProgress | undefined {
    return this.#shares.progress(this.#parts.now());
  }

  /** Makes the first root; answers the lines for the custodians. */
  initialize(actor: Actor, given: Readonly<Record<string, string>>, secret: Secret | undefined): Promise<string[]> {
    return this.#noted(actor, 'InitializeRoot', given, async () => {
      if (this.#parts.root.condition !== 'UNINITIALIZED')
        throw new KeysteadError('AlreadyExists', 'There is a root already; it is never overwritten.');
      if (this.#parts.writer === false)
        throw new KeysteadError('Conflict', 'This replica waits for the root of another one.');
      const name = nameArgument(given, 'name');
      const { device } = this.#parts;
      const { recipient, shares } = await recipientOf(await recipientArguments(given, secret, device), secret, device);
      await this.#parts.root.create(name, recipient).finally(() => zero(recipient.kek));
      return shares.map(formatShare);
    });
  }

  /** Opens the root, or takes one share of those that are needed. */
  unseal(actor: Actor, secret: Secret): Promise<void> {
    const { root, now } = this.#parts;
    const parameters = { with: secret.kind };
    const work = async (): Promise<void> => {
      if (root.condition === 'OPEN') return;
      // A root file may have been put there since the start.
      await root.look();
      await this.#parts.noteRestore?.();
      const unlock = await this.#unlockBy(secret, now());
      if (!unlock) return;
      await this.#attempt(this.#attempts, () => root.unseal(unlock)).finally(() => wipeUnlock(unlock));
      this.#shares.clear();
    };
    return this.#attempts.inTurn(now, () => this.#noted(actor, 'UnsealRoot', parameters, work));
  }

  /** A command to be signed, and the rules that it must fulfil. */
  async prepare(
    name: string,
    given: Readonly<Record<string, string>>,
    secret: Secret | undefined,
    validMs = DEFAULT_VALID_MS,
  ): Promise<{ command: Buffer; needed: readonly Rule[] }> {
    const { root, now } = this.#parts;
    const kind = this.#kind(name);
    const strange = Object.keys(given).find((argument) => !kind.given.includes(argument));
    if (strange !== undefined) throw new KeysteadError('Validation', `${name} has no argument ${strange}.`);
    if (validMs < 1 || validMs > MAX_VALID_MS) throw new KeysteadError('Validation', 'valid: at most a day.');
    const rules = root.read((state) => state.rules);
    const args = kind.named ? await kind.named(given, secret, this.#parts.device) : given;
    const { domain, generation } = mustExist(root.file).header;
    const expires = new Date(now().getTime() + validMs);
    const command = encodeCommand({ name, arguments: args, domain, generation, nonce: randomBytes(16), expires });
    return { command, needed: rulesFor(name, rules) };
  }

  /** Carries a command out, once. */
  execute(
    actor: Actor,
    bytes: Uint8Array,
    signatures: readonly Signature[],
    secret: Secret | undefined,
  ): Promise<CommandOutcome & { file?: Buffer }> {
    const command = parseCommand(bytes);
    const kind = this.#kind(command.name);
    const signers = signatures.map(({ operator }) => operator);
    return this.#noted(
      actor,
      kind.event,
      command.arguments,
      async () => {
        const outcome = await this.#perform(kind, command, bytes, signatures, secret);
        if (command.name === 'seal') this.#parts.root.seal();
        return command.name === 'backup' ? { ...outcome, file: await this.#parts.root.bytes() } : outcome;
      },
      signers,
    );
  }

  /** Opens a root file and installs nothing. */
  verify(actor: Actor, bytes: Uint8Array, secrets: readonly Secret[]): Promise<Verified> {
    const work = async (): Promise<Verified> => {
      const file = parseRoot(bytes);
      const unlock = await unlockOf(secrets, this.#parts.device);
      const found = await this.#attempt(this.#verifications, () => unwrapBy(unlock, file.header.recipients)).finally(
        () => wipeUnlock(unlock),
      );
      const state = consuming(found.rws, (rws) => openRoot(file, rws));
      const recipient = slotsOf(file.header, state)[found.index]?.record.name ?? '';
      const activeEpoch = state.domainKeys.find((key) => key.state === 'ACTIVE')?.epoch ?? 0;
      wipeState(state);
      zero(found.kek);
      return { header: file.header, recipient, activeEpoch };
    };
    return this.#verifications.inTurn(this.#parts.now, () => this.#noted(actor, 'VerifyRootFile', {}, work));
  }

  async #perform(
    kind: RootCommand,
    command: Command,
    bytes: Uint8Array,
    signatures: readonly Signature[],
    secret: Secret | undefined,
  ): Promise<CommandOutcome> {
    const { root, device } = this.#parts;
    const now = this.#parts.now();
    const mustBeAllowed = (state: RootState, header: RootHeader): void =>
      authorize(command, bytes, signatures, state, { ...header, now });
    const signed = root.read((state) => {
      mustBeAllowed(state, mustExist(root.file).header);
      return rulesFor(command.name, state.rules).length > 0;
    });
    // What needs no signatures and changes nothing can be repeated by the same operator anyhow.
    if (!kind.edit && !signed) return {};
    if (this.#parts.writer === false)
      throw new KeysteadError('Conflict', 'This replica does not write the root: ask the one that does.');
    if (!ON_ANY_ROOT.has(command.name)) await this.#parts.witness.newest();
    let outcome: CommandOutcome = {};
    await root.change(async (draft, header) => {
      mustBeAllowed(draft.state, header);
      const edited = (await kind.edit?.(draft, {
        args: command.arguments,
        bytes,
        signatures,
        secret,
        device,
        now,
      })) ?? { draft };
      outcome = edited.outcome ?? {};
      return { ...edited.draft, state: withNonce(edited.draft.state, command, now) };
    });
    return outcome;
  }

  /** What opens the root; undefined while shares are missing. */
  async #unlockBy(secret: Secret, now: Date): Promise<Unlock | undefined> {
    if (secret.kind === 'DEVICE') return unlockByDevice(mustHave(this.#parts.device));
    if (secret.kind !== 'SHARE') return { kind: secret.kind, secret: secret.bytes };
    const share = parseShare(secret.bytes.toString('latin1'));
    const splits = this.#parts.root.file?.header.recipients.map(splitOf) ?? [];
    const isOf = (split: ReturnType<typeof splitOf>): boolean =>
      split?.threshold === share.threshold && split.set.subarray(0, SET_BYTES).equals(share.set);
    // A made-up share that asks for more of them would keep those of the custodians out.
    if (!splits.some(isOf))
      throw new KeysteadError('Validation', 'The share is of a set that does not open this root.');
    const opened = await this.#shares.add(share, now).finally(() => zero(share.bytes));
    return opened && { kind: 'SHAMIR', secret: opened };
  }

  async #attempt<T>(attempts: Attempts, work: () => Promise<T>): Promise<T> {
    try {
      const result = await work();
      attempts.succeeded();
      return result;
    } catch (error) {
      if (error instanceof RootError && error.problem === 'wrong-secret') attempts.failed(this.#parts.now());
      throw error;
    }
  }

  async #noted<T>(
    actor: Actor,
    event: string,
    parameters: Readonly<Record<string, string>>,
    work: () => Promise<T>,
    signers: readonly string[] = [],
  ): Promise<T> {
    const { root, note } = this.#parts;
    const about = { ...actor, event, signers, parameters };
    let result: T;
    try {
      result = await work();
    } catch (thrown) {
      const error = forOperators(thrown);
      // What was malformed was not even tried.
      if (error instanceof KeysteadError && error.code !== 'Validation')
        await note({ ...about, error, file: root.file });
      throw error;
    }
    const { progress } = this;
    const shown =
      event === 'UnsealRoot' && progress
        ? { ...parameters, shares: `${progress.given} of ${progress.needed}` }
        : parameters;
    await note({ ...about, parameters: shown, file: root.file });
    return result;
  }

  #kind(name: string): RootCommand {
    const kind = Object.hasOwn(this.#commands, name) ? this.#commands[name] : undefined;
    if (kind) return kind;
    throw new KeysteadError('Validation', `command: one of ${Object.keys(this.#commands).join(', ')} wanted.`);
  }
}

async function unlockOf(secrets: readonly Secret[], device: RootDevice | undefined): Promise<Unlock> {
  const [first] = secrets;
  if (!first) throw new KeysteadError('Validation', 'secrets: what opens the file is missing.');
  if (first.kind === 'DEVICE') return unlockByDevice(mustHave(device));
  if (first.kind !== 'SHARE') return { kind: first.kind, secret: first.bytes };
  const shares = secrets.map((secret): Share => {
    if (secret.kind !== 'SHARE') throw new KeysteadError('Validation', 'secrets: shares do not go with others.');
    return parseShare(secret.bytes.toString('latin1'));
  });
  const distinct = new Set(shares.map(({ bytes }) => bytes.at(-1))).size === shares.length;
  const enough = shares.length >= (shares[0]?.threshold ?? 0);
  if (!distinct || !enough || shares.length > 255)
    throw new KeysteadError('Validation', `secrets: ${shares[0]?.threshold ?? 0} different shares wanted.`);
  return { kind: 'SHAMIR', secret: await combineShares(shares) };
}

function wipeUnlock(unlock: Unlock): void {
  if (unlock.kind !== 'PKCS11') zero(unlock.secret);
}

function withNonce(state: RootState, { nonce, expires }: Command, now: Date): RootState {
  const live = state.nonces.filter(({ expiresMs }) => expiresMs > BigInt(now.getTime()));
  return { ...state, nonces: [...live, { nonce, expiresMs: BigInt(expires.getTime()) }] };
}

function mustExist(file: SealedRoot | undefined): SealedRoot {
  if (file) return file;
  throw new KeysteadError('NotFound', 'There is no root yet: `keystead hsm init` makes one.');
}

/** A problem of the root file in the closed set of codes. */
function forOperators(thrown: unknown): unknown {
  if (!(thrown instanceof RootError)) return thrown;
  const code = {
    'wrong-secret': 'AccessDenied',
    unsupported: 'Validation',
    damaged: 'Conflict',
    tampered: 'Conflict',
  } as const;
  return new KeysteadError(code[thrown.problem], thrown.message);
}

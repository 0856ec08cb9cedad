import { consuming } from './bytes.js';
import {
  addOperator,
  addRecipient,
  mustBeAddable,
  nameArgument,
  removeOperator,
  removeRecipient,
  setRule,
} from './governance.js';
import { recipientArguments, recipientOf, type RootDevice, type Secret } from './new-recipient.js';
import type { Signature } from './quorum.js';
import { newSlot, type Draft } from './root-draft.js';
import { formatShare } from './shamir.js';

type Arguments = Readonly<Record<string, string>>;

/** What a command tells whoever carried it out. */
export interface CommandOutcome {
  /** Lines for custodians. */
  readonly shares?: readonly string[];
  readonly details?: Readonly<Record<string, string>>;
}

/** One kind of command. */
export interface RootCommand {
  /** Its name in the audit log. */
  readonly event: string;
  /** What an operator gives. */
  readonly given: readonly string[];
  /** What is signed, when that is more than what was given. */
  readonly named?: (args: Arguments, secret: Secret | undefined, device: RootDevice | undefined) => Promise<Arguments>;
  /** What it changes in the root; absent for commands that change nothing there. */
  readonly edit?: (draft: Draft, request: CommandRequest) => Promise<Edited> | Edited;
}

/** What a command works with. */
export interface CommandRequest {
  readonly args: Arguments;
  readonly secret: Secret | undefined;
  readonly device: RootDevice | undefined;
  /** As it was signed. */
  readonly bytes: Uint8Array;
  readonly signatures: readonly Signature[];
  readonly now: Date;
}

/** The root as it shall be, and what is told of it. */
export interface Edited {
  readonly draft: Draft;
  readonly outcome?: CommandOutcome;
}

/** Commands that are made elsewhere, of what only a running service has; rules may name them. */
export const OTHER_COMMANDS = ['rotate-domain-key', 'destroy-domain-key', 'supersede-root'] as const;

/** Commands of partitions. */
export const PARTITION_COMMANDS = ['create-partition', 'zeroize-partition'] as const;

/** The commands of the root of trust, by name. */
export const ROOT_COMMANDS: Readonly<Record<string, RootCommand>> = {
  'add-recipient': {
    ...{ event: 'AddRecipient', given: ['name', 'threshold', 'count'] },
    named: async (args, secret, device) => {
      nameArgument(args, 'name');
      return recipientArguments(args, secret, device);
    },
    edit: async (draft, { args, secret, device, now }) => {
      const name = nameArgument(args, 'name');
      mustBeAddable(draft, name);
      const { recipient, shares } = await recipientOf(args, secret, device);
      const slot = consuming(recipient.kek, () => newSlot(name, recipient, BigInt(now.getTime())));
      return { draft: addRecipient(draft, slot), outcome: { shares: shares.map(formatShare) } };
    },
  },
  'remove-recipient': {
    ...{ event: 'RemoveRecipient', given: ['name'] },
    edit: (draft, { args }) => ({ draft: removeRecipient(draft, nameArgument(args, 'name')) }),
  },
  'add-operator': {
    ...{ event: 'AddOperator', given: ['name', 'role', 'key'] },
    edit: (draft, { args }) => ({ draft: { ...draft, state: addOperator(draft.state, args) } }),
  },
  'remove-operator': {
    ...{ event: 'RemoveOperator', given: ['name'] },
    edit: (draft, { args }) => ({ draft: { ...draft, state: removeOperator(draft.state, args) } }),
  },
  'set-rule': {
    ...{ event: 'SetRule', given: ['command', 'role', 'count'] },
    edit: (draft, { args }) => ({
      draft: {
        ...draft,
        state: setRule(draft.state, args, [...Object.keys(ROOT_COMMANDS), ...OTHER_COMMANDS, ...PARTITION_COMMANDS]),
      },
    }),
  },
  backup: { event: 'BackupRoot', given: [] },
  seal: { event: 'SealRoot', given: [] },
};

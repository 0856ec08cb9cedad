import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RootSecret } from '@keystead/proto/hsm';
import type { Command } from 'commander';
import { Failure } from '../failure.js';
import { runCommand, withSigning, type RunOptions } from './run-command.js';
import { printedShare, secretsOf } from './secrets.js';

/** A recipient to be made. */
export interface RecipientOptions {
  readonly shares?: string;
  readonly keyFile?: string;
  readonly passphraseFile?: string;
  readonly shareDir?: string;
  readonly device?: boolean;
}

/** Adds the options that say what a new recipient opens by. */
export function withRecipient(command: Command): Command {
  return command
    .option('--shares <k/n>', 'n shares of which any k open, for example 2/3')
    .option('--key-file <file>', 'a key file of 32 bytes')
    .option('--passphrase-file <file>', 'a passphrase in one line')
    .option('--device', 'the PKCS#11 device that hsm-service is configured with')
    .option('--share-dir <dir>', 'write the shares into files instead of onto the screen');
}

/** A recipient as it was asked for. Throws Failure. */
export function givenRecipient(
  name: string,
  { shares, keyFile, passphraseFile, device }: RecipientOptions,
): { args: Record<string, string>; secret: () => RootSecret | undefined; says: string } {
  if ([shares, keyFile, passphraseFile, device].filter((given) => given !== undefined).length !== 1)
    throw new Failure('Give one of --shares, --key-file, --passphrase-file and --device.');
  if (device === true) {
    const says = 'the PKCS#11 device of hsm-service, by itself at each start';
    return { args: { name }, says, secret: () => secretsOf({ device })[0] };
  }
  if (shares === undefined) {
    const files = {
      ...(keyFile === undefined ? {} : { keyFile }),
      ...(passphraseFile === undefined ? {} : { passphraseFile }),
    };
    const says = keyFile === undefined ? `the passphrase in ${passphraseFile ?? ''}` : `the key file ${keyFile}`;
    return { args: { name }, says, secret: () => secretsOf(files)[0] };
  }
  const [, threshold, count] = /^(\d{1,3})\/(\d{1,3})$/.exec(shares) ?? [];
  if (threshold === undefined || count === undefined) throw new Failure('--shares is k/n, for example 2/3.');
  return { args: { name, threshold, count }, says: `any ${threshold} of ${count} shares`, secret: () => undefined };
}

/** Gives the shares out, this once. */
export function handOut(
  shares: readonly Uint8Array[],
  name: string,
  domain: string,
  { shareDir }: RecipientOptions,
): void {
  const printed = shares.map((line, i) =>
    printedShare(
      line,
      `Keystead HSM, domain ${domain.slice(0, 8)}, recipient ${name}: share ${i + 1} of ${shares.length}`,
    ),
  );
  if (shareDir === undefined) {
    if (printed.length > 0) process.stdout.write(`${printed.join('\n')}\nThey are shown this once and kept nowhere.\n`);
    return;
  }
  mkdirSync(shareDir, { recursive: true, mode: 0o700 });
  for (const [i, text] of printed.entries())
    writeFileSync(shareFileOf(shareDir, name, i), text, { mode: 0o600, flag: 'wx' });
  if (printed.length > 0) process.stdout.write(`${printed.length} shares in ${shareDir}: give each to its custodian\n`);
}

function shareFileOf(directory: string, name: string, index: number): string {
  return join(directory, `${name}-${index + 1}.share`);
}

/** keystead hsm add-recipient and remove-recipient. */
export function recipientCommands(hsm: Command): void {
  const add = hsm.command('add-recipient').description('let something else open the root too').argument('<name>');
  withRecipient(withSigning(add))
    .addHelpText('after', addHelp)
    .action(async (name: string, options: RunOptions & RecipientOptions) => {
      const { args, secret, says } = givenRecipient(name, options);
      // Shares that could not be written down would be lost, and with them perhaps the root.
      if (options.shareDir !== undefined && existsSync(shareFileOf(options.shareDir, name, 0)))
        throw new Failure(`${shareFileOf(options.shareDir, name, 0)} exists: name another --share-dir.`);
      const explanation = `From now on the root opens by ${says} too. The next generation of the root file is written.`;
      const done = await runCommand(options, { name: 'add-recipient', args, secret, explanation });
      if (!done) return;
      handOut(done.shares, name, '', options);
      process.stdout.write(`recipient ${name} added, root generation ${done.rootGeneration}\n`);
    });
  const remove = hsm
    .command('remove-recipient')
    .description('let something no longer open the root')
    .argument('<name>');
  withSigning(remove)
    .addHelpText('after', removeHelp)
    .action(async (name: string, options: RunOptions) => {
      const explanation =
        `From now on ${name} does not open the root. Older generations here are deleted; it still opens backups that\n` +
        'were made before: rotate the domain key if it may be in wrong hands.';
      const done = await runCommand(options, { name: 'remove-recipient', args: { name }, explanation });
      if (done) process.stdout.write(`recipient ${name} removed, root generation ${done.rootGeneration}\n`);
    });
}

const addHelp = `
A root has up to eight recipients, and any one of them opens it. Make a new backup afterwards.

Examples:
  keystead hsm add-recipient board --shares 3/5 --share-dir shares
  keystead hsm add-recipient safe --passphrase-file phrase
  keystead hsm add-recipient vault --device`;

const removeHelp = `
The last recipient stays. To give shares to other people, add the new set first and remove the old one then.

Example:
  keystead hsm remove-recipient key-file`;

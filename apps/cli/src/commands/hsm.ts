import type { Command } from 'commander';
import { initCommand, sealCommand, statusCommand, unsealCommand } from '../hsm/opening.js';
import { backupCommand, restoreCommand, verifyCommand } from '../hsm/backups.js';
import { domainKeyCommands } from '../hsm/domain-keys.js';
import { operatorCommands, ruleCommands, signCommandLine } from '../hsm/governance.js';
import { partitionCommands } from '../hsm/partitions.js';
import { recipientCommands } from '../hsm/recipients.js';

/** keystead hsm: the ceremonies of the root of trust. */
export function hsmCommand(program: Command): void {
  const hsm = program.command('hsm').description('look after the root of trust').addHelpText('after', help);
  for (const add of [statusCommand, initCommand, unsealCommand, sealCommand, recipientCommands]) add(hsm);
  for (const add of [
    backupCommand,
    verifyCommand,
    restoreCommand,
    domainKeyCommands,
    partitionCommands,
    operatorCommands,
    ruleCommands,
    signCommandLine,
  ])
    add(hsm);
}

const help = `
The root file opens by any of its recipients: a key file, a passphrase, k of n shares, or a PKCS#11 device. It seals the
domain keys, which seal every key. docs/hsm.md explains it, docs/runbook.md says what to do when something is lost.

Examples:
  keystead hsm status
  keystead hsm add-recipient board --shares 2/3 --share-dir shares
  keystead hsm seal
  keystead hsm unseal --share-file shares/board-1.share --share-file shares/board-3.share
  keystead hsm backup --out root.backup`;

import { existsSync } from 'node:fs';
import { RootCondition, RootStanding, type DescribeRootResponse, type RootSecret } from '@keystead/proto/hsm';
import type { Command } from 'commander';
import { dataFolder } from '../data-folder.js';
import { Failure } from '../failure.js';
import { askHidden, confirm } from './ask.js';
import { listDomainKeys, withCeremonies, withWhere, type CeremonyClient, type Where } from './connection.js';
import { domainKeyLines } from './domain-keys.js';
import { givenRecipient, handOut, withRecipient, type RecipientOptions } from './recipients.js';
import { runCommand, withSigning, type RunOptions } from './run-command.js';
import { byDevice, keyFile, passphrase, secretsOf, share, withSecrets, type SecretOptions } from './secrets.js';

/** keystead hsm status. */
export function statusCommand(hsm: Command): void {
  withWhere(
    hsm.command('status').description('show what the root of trust is made of; nothing of it is secret'),
  ).action(async (options: Where) => {
    const root = await withCeremonies(options, (client) => client.describeRoot({}));
    for (const [name, value] of rows(root)) process.stdout.write(`${name.padEnd(18)} ${value}\n`);
    if (root.condition === RootCondition.ROOT_CONDITION_OPEN)
      for (const line of domainKeyLines(await listDomainKeys(options))) process.stdout.write(`${line}\n`);
  });
}

/** keystead hsm init. */
export function initCommand(hsm: Command): void {
  const command = hsm.command('init').description('make the first root; an existing one is never overwritten');
  withRecipient(withWhere(command))
    .option('--name <name>', 'the name of the first recipient', 'first')
    .option('--yes', 'do not ask', false)
    .addHelpText('after', initHelp)
    .action(async (options: Where & RecipientOptions & { name: string; yes: boolean }) => {
      const { args, secret, says } = givenRecipient(options.name, options);
      await confirm(
        `This makes a new root of trust, which opens by ${says}. Without that everything is lost.`,
        options.yes,
      );
      await withCeremonies(options, async (client) => {
        const split = { threshold: Number(args['threshold'] ?? 0), count: Number(args['count'] ?? 0) };
        const recipient = { name: options.name, secret: secret(), ...split };
        const { domainId, shares } = await client.initialize({ recipient });
        handOut(shares, options.name, Buffer.from(domainId).toString('hex'), options);
        process.stdout.write(`the root is open, domain ${Buffer.from(domainId).toString('hex')}\n`);
      });
    });
}

const initHelp = `
Only for an hsm-service that was started without a secret of its own (\`npm start -- --manual-unseal\`).

Examples:
  keystead hsm init --shares 2/3                      three shares on the screen, any two open
  keystead hsm init --shares 3/5 --share-dir shares   in a file each
  keystead hsm init --passphrase-file phrase
  keystead hsm init --device                          the PKCS#11 device of hsm-service`;

/** keystead hsm unseal. */
export function unsealCommand(hsm: Command): void {
  const command = hsm.command('unseal').description('open the root; nothing is restarted');
  withSecrets(withWhere(command))
    .addHelpText('after', unsealHelp)
    .action(async (options: Where & SecretOptions) => {
      await withCeremonies(options, (client) => unseal(client, options));
    });
}

const unsealHelp = `
Without a file it asks, share after share; a root that opens by a key file opens by the one in the data folder. Custodians may each run it at a terminal of their own: shares are kept for
ten minutes. Wrong shares are found out only together. After failed attempts the next one must wait.

Examples:
  keystead hsm unseal
  keystead hsm unseal --passphrase-file phrase
  keystead hsm unseal --share-file board-1.share --share-file board-3.share
  keystead hsm unseal --device`;

async function unseal(client: CeremonyClient, options: Where & SecretOptions): Promise<void> {
  const root = await client.describeRoot({});
  if (root.condition === RootCondition.ROOT_CONDITION_OPEN) {
    process.stdout.write('the root is open already\n');
    return;
  }
  process.stdout.write(`${unsealExplanation}\n`);
  const given = secretsOf(options);
  for (;;) {
    const secret = given.shift() ?? (await askForSecret(root, options));
    const { condition, progress } = await client.unseal({ secret });
    if (condition === RootCondition.ROOT_CONDITION_OPEN) break;
    process.stdout.write(`${progress?.given ?? 0} of ${progress?.needed ?? 0} shares\n`);
    if (given.length === 0 && options.shareFile !== undefined) return;
  }
  process.stdout.write('the root is open\n');
}

const unsealExplanation =
  'This opens the root: its domain keys come into the memory of hsm-service, and cryptography goes on.';

async function askForSecret({ recipients }: DescribeRootResponse, options: Where & SecretOptions): Promise<RootSecret> {
  const kinds = new Set(recipients.map(({ kind }) => kind));
  const otherwise = 'give --key-file, --passphrase-file, --share-file or --device.';
  if (kinds.has('SHAMIR')) return share((await askHidden('A share (not shown): ', otherwise)).toString('latin1'));
  if (kinds.has('PASSPHRASE')) return passphrase(await askHidden('The passphrase (not shown): ', otherwise));
  const { rootKeyFile } = dataFolder(options.data);
  if (kinds.has('KEYFILE') && options.address === undefined && existsSync(rootKeyFile)) {
    process.stdout.write(`with the key file ${rootKeyFile}\n`);
    return keyFile(rootKeyFile);
  }
  if (kinds.has('PKCS11')) {
    process.stdout.write('with the PKCS#11 device of hsm-service\n');
    return byDevice;
  }
  throw new Failure(`The root opens by ${[...kinds].join(', ')}: ${otherwise}`);
}

/** keystead hsm seal. */
export function sealCommand(hsm: Command): void {
  const command = hsm
    .command('seal')
    .description('take the domain keys out of memory; cryptography stops until unseal');
  withSigning(command)
    .addHelpText('after', '\nExample:\n  keystead hsm seal --yes')
    .action(async (options: RunOptions) => {
      const explanation =
        'This takes every key out of memory. Cryptography answers KMSInternalException, which SDKs retry, until\n' +
        'somebody runs `keystead hsm unseal`; everything else goes on. A key file opens it again at the next start.';
      if (await runCommand(options, { name: 'seal', explanation })) process.stdout.write('the HSM is sealed\n');
    });
}

const conditions: Readonly<Record<number, string>> = {
  [RootCondition.ROOT_CONDITION_UNINITIALIZED]: 'not made yet: keystead hsm init',
  [RootCondition.ROOT_CONDITION_SEALED]: 'sealed: keystead hsm unseal',
  [RootCondition.ROOT_CONDITION_OPEN]: 'open',
};

const standings: Readonly<Record<number, readonly string[]>> = {
  [RootStanding.ROOT_STANDING_UNHEARD]: ['kms-service has not said yet: what changes the root must wait'],
  [RootStanding.ROOT_STANDING_SET_BACK]: ['NO: it was set back, and kms-service knows a newer one (docs/runbook.md)'],
};

function rows(root: DescribeRootResponse): [string, string][] {
  const { recipients, operators, rules, progress } = root;
  const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
  return [
    ['root', conditions[root.condition] ?? 'unknown'],
    ...(standings[root.standing] ?? []).map((line): [string, string] => ['newest?', line]),
    ...(progress ? ([['shares given', `${progress.given} of ${progress.needed}`]] as [string, string][]) : []),
    ['domain', hex(root.domainId)],
    ['root generation', String(root.rootGeneration)],
    ['root file SHA-256', hex(root.rootFileHash)],
    ['written', root.writtenMs === 0n ? '' : new Date(Number(root.writtenMs)).toISOString()],
    ...root.damagedGenerations.map((generation): [string, string] => ['damaged', `generation ${generation}`]),
    ...recipients.map(({ name, kind, threshold, count, shareSet, tokenSerial }): [string, string] => {
      const split = count > 0 ? ` ${threshold} of ${count}, set ${shareSet}` : '';
      const token = tokenSerial === '' ? '' : ` token ${tokenSerial}`;
      return ['recipient', `${name} ${kind}${split}${token}`.trim()];
    }),
    ...operators.map(({ name, role, publicKey }): [string, string] => [
      'operator',
      `${name} (${role}) ${hex(publicKey)}`,
    ]),
    ...rules.map(({ command, role, count }): [string, string] => ['rule', `${command}: ${count} of role ${role}`]),
  ];
}

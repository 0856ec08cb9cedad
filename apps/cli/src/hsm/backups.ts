import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { hostname, userInfo } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { openDataFolder } from '../data-folder.js';
import { Failure } from '../failure.js';
import { confirm } from './ask.js';
import { withCeremonies, withWhere, type Where } from './connection.js';
import { runCommand, withSigning, type RunOptions } from './run-command.js';
import { secretsOf, withSecrets, type SecretOptions } from './secrets.js';

const magic = 'KSTDROOT';
const generationAt = 28;
const domainAt = 12;

/** keystead hsm backup. */
export function backupCommand(hsm: Command): void {
  const command = hsm.command('backup').description('write the sealed root file to a file, for a place elsewhere');
  withSigning(command)
    .requiredOption('--out <file>', 'the backup; never over another file')
    .addHelpText('after', backupHelp)
    .action(async (options: RunOptions & { out: string }) => {
      if (existsSync(options.out)) throw new Failure(`${options.out} exists already.`);
      const explanation =
        'The backup is as sealed as the root file: it opens by the recipients of today, and by nothing else.\n' +
        'It holds the domain keys and not the database: back that up too, and keep both apart from the secrets.';
      const done = await runCommand(options, { name: 'backup', explanation });
      if (!done) return;
      writeFileSync(options.out, done.rootFile, { mode: 0o600, flag: 'wx' });
      process.stdout.write(`${options.out}: root generation ${generationOf(Buffer.from(done.rootFile))}\n`);
    });
}

const backupHelp = `
Make one after each change of recipients and each rotation of the domain key, and check it with \`keystead hsm verify\`.

Example:
  keystead hsm backup --out root.backup --yes`;

/** keystead hsm verify. */
export function verifyCommand(hsm: Command): void {
  const command = hsm.command('verify').description('check that a backup opens; installs nothing').argument('<file>');
  withSecrets(withWhere(command))
    .addHelpText(
      'after',
      '\nExample:\n  keystead hsm verify root.backup --share-file board-1.share --share-file board-2.share',
    )
    .action(async (file: string, options: Where & SecretOptions) => {
      const rootFile = readBackup(file);
      const secrets = secretsOf(options);
      process.stdout.write(`${verifyExplanation}\n`);
      const found = await withCeremonies(options, (client) => client.verifyRootFile({ rootFile, secrets }));
      const at = new Date(Number(found.writtenMs)).toISOString();
      process.stdout.write(
        `${file} opens by ${found.recipient}: domain ${Buffer.from(found.domainId).toString('hex')}` +
          `${found.thisDomain ? ' (this one)' : ' (another one)'}, root generation ${found.rootGeneration} of ${at}, ` +
          `domain key epoch ${found.activeEpoch}\n`,
      );
    });
}

const verifyExplanation =
  'This hands the backup and what opens it to hsm-service, which tries them and forgets them. Nothing is installed.';

/** keystead hsm restore. */
export function restoreCommand(hsm: Command): void {
  hsm
    .command('restore')
    .description('put a backup where hsm-service looks for its root; never over another root')
    .argument('<file>')
    .option('--data <dir>', 'a data folder, which may be new', '.keystead')
    .option('--root-dir <dir>', 'KEYSTEAD_ROOT_DIR of an hsm-service, instead of a data folder')
    .option('--yes', 'do not ask', false)
    .addHelpText('after', restoreHelp)
    .action(async (file: string, options: { data: string; rootDir?: string; yes: boolean }) => {
      const backup = readBackup(file);
      const directory = options.rootDir ?? join(options.data, 'root');
      if (existsSync(directory) && readdirSync(directory).some((name) => name.endsWith('.kst')))
        throw new Failure(`${directory} holds a root already: restore into an empty folder.`);
      const [generation, domain] = [generationOf(backup), backup.toString('hex', domainAt, domainAt + 16)];
      await confirm(
        `This puts root generation ${generation} of domain ${domain} into ${directory}. What was changed after the\n` +
          'backup is not in it. It opens by the recipients that it had then.',
        options.yes,
      );
      if (options.rootDir === undefined) openDataFolder(options.data);
      mkdirSync(directory, { recursive: true, mode: 0o700 });
      const name = `root-${String(generation).padStart(12, '0')}.kst`;
      writeFileSync(join(directory, name), backup, { mode: 0o600, flag: 'wx' });
      writeFileSync(join(directory, 'restored.json'), noteOf(backup), { mode: 0o600 });
      process.stdout.write(
        `${join(directory, name)}: start Keystead with --manual-unseal, then \`keystead hsm unseal\`\n`,
      );
    });
}

/** What hsm-service puts into the log of ceremonies at its next start: a restore happens while it does not run. */
function noteOf(backup: Buffer): string {
  const sha256 = createHash('sha256').update(backup).digest('hex');
  return `${JSON.stringify({ by: `${userInfo().username}@${hostname()}`, generation: String(generationOf(backup)), sha256 })}\n`;
}

const restoreHelp = `
Example, on an empty machine:
  keystead hsm restore root.backup --data /srv/keystead
  npm start -- --data /srv/keystead --manual-unseal      waits for
  keystead hsm unseal --data /srv/keystead`;

function readBackup(file: string): Buffer {
  const bytes = existsSync(file) ? readFileSync(file) : undefined;
  if (bytes && bytes.length > generationAt + 8 && bytes.toString('latin1', 0, magic.length) === magic) return bytes;
  throw new Failure(`${file} is not a backup of keystead hsm.`);
}

function generationOf(backup: Buffer): bigint {
  return backup.readBigUInt64BE(generationAt);
}

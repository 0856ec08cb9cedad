import { join } from 'node:path';
import type { Command } from 'commander';
import { databaseName, prepare, schemas } from '../database.js';
import { Failure } from '../failure.js';
import { readIfThere } from '../files.js';

interface PrepareOptions {
  readonly adminUrl?: string;
  readonly adminPasswordFile?: string;
  readonly passwords: string;
  readonly database: string;
}

/** keystead db prepare: database, roles, schemas and tables, before services of a new release start. */
export function dbCommand(program: Command): void {
  program
    .command('db')
    .description('look after the database')
    .command('prepare')
    .description('make or update the database, its roles, schemas and tables; may be repeated')
    .option('--admin-url <url>', 'postgresql://owner@host:port/postgres; default KEYSTEAD_DATABASE_ADMIN_URL')
    .option('--admin-password-file <file>', 'default KEYSTEAD_DATABASE_ADMIN_PASSWORD_FILE')
    .requiredOption('--passwords <dir>', `folder with one file for each role: ${Object.keys(schemas).join(', ')}`)
    .option('--database <name>', 'the database', databaseName)
    .action(async (options: PrepareOptions) => {
      const adminUrl = options.adminUrl ?? process.env['KEYSTEAD_DATABASE_ADMIN_URL'];
      if (!adminUrl) throw new Failure('Give --admin-url, or set KEYSTEAD_DATABASE_ADMIN_URL.');
      const file = options.adminPasswordFile ?? process.env['KEYSTEAD_DATABASE_ADMIN_PASSWORD_FILE'];
      await prepare({ adminUrl, adminPassword: file === undefined ? '' : secret(file) }, options.database, (service) =>
        secret(join(options.passwords, service)),
      );
      process.stdout.write(`database ${options.database} is ready for this release\n`);
    });
}

function secret(file: string): string {
  const text = readIfThere(file)?.trim();
  if (!text) throw new Failure(`${file} must hold a password.`);
  return text;
}

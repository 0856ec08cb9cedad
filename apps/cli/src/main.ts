import { KeysteadError } from '@keystead/errors';
import { Command } from 'commander';
import { accountCommand } from './commands/account.js';
import { auditCommand } from './commands/audit.js';
import { certsCommand } from './commands/certs.js';
import { clientCertCommand } from './commands/client-cert.js';
import { dbCommand } from './commands/db.js';
import { explainCommand } from './commands/explain.js';
import { hsmCommand } from './commands/hsm.js';
import { upCommand } from './commands/up.js';
import { Failure } from './failure.js';

/** The command line with all its commands. */
function program(): Command {
  const keystead = new Command('keystead')
    .description('AWS KMS, S3 SSE-KMS, IAM and CloudTrail in your own cluster')
    .showHelpAfterError('(keystead --help tells more)');
  for (const command of [
    upCommand,
    accountCommand,
    explainCommand,
    clientCertCommand,
    auditCommand,
    hsmCommand,
    certsCommand,
    dbCommand,
  ])
    command(keystead);
  return keystead;
}

/** Runs one command line; what the user can mend ends with one sentence and code 1. */
async function run(args: readonly string[]): Promise<void> {
  try {
    await program().parseAsync(args, { from: 'user' });
  } catch (error) {
    process.stderr.write(`keystead: ${sentence(error)}\n`);
    process.exitCode = 1;
  }
}

function sentence(error: unknown): string {
  if (error instanceof KeysteadError && error.code === 'Sealed')
    return `${error.message} \`keystead hsm unseal\` opens it.`;
  if (error instanceof Failure || error instanceof KeysteadError) return error.message;
  return (error as Error).stack ?? String(error);
}

// A reader such as `head` may have read enough.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));
await run(process.argv.slice(2));

import { writeFileSync } from 'node:fs';
import type { ExecuteCommandResponse, RootRule, RootSecret } from '@keystead/proto/hsm';
import type { Command } from 'commander';
import { Failure } from '../failure.js';
import { confirm } from './ask.js';
import { withCeremonies, withWhere, type CeremonyClient, type Where } from './connection.js';
import { explained, readCommand, readSignature, type PreparedCommand } from './signing.js';

/** Options of every command that operators may have to sign. */
export interface RunOptions extends Where {
  readonly yes: boolean;
  readonly prepare?: string;
  readonly command?: string;
  readonly signature?: readonly string[];
  readonly validMinutes: number;
}

/** A command to be carried out. */
export interface Wanted {
  readonly name: string;
  readonly args?: Readonly<Record<string, string>>;
  /** Read anew for each use, since the HSM's messages are overwritten. */
  readonly secret?: () => RootSecret | undefined;
  /** What it does, for whoever must say yes. */
  readonly explanation: string;
}

/** Adds the options of commands that operators may have to sign. */
export function withSigning(command: Command): Command {
  return withWhere(command)
    .option('--yes', 'do not ask', false)
    .option('--prepare <file>', 'only write the command down, for operators to sign with `keystead hsm sign`')
    .option('--command <file>', 'carry out this command, which was prepared and signed')
    .option('--signature <file...>', 'what `keystead hsm sign` wrote')
    .option('--valid-minutes <n>', 'how long a prepared command may be carried out, up to 1440', Number, 60);
}

/**
 * Carries a command out, or writes it down where its rules ask for signatures. Answers undefined if it was only written.
 */
export async function runCommand(options: RunOptions, wanted: Wanted): Promise<ExecuteCommandResponse | undefined> {
  return withCeremonies(options, async (client) => {
    if (options.command !== undefined) return execute(client, options, wanted, options.command);
    if ((options.signature ?? []).length > 0) throw new Failure('--signature goes with --command.');
    const { command, needed } = await client.prepareCommand({
      ...{ command: wanted.name, arguments: { ...wanted.args }, secret: wanted.secret?.() },
      validSeconds: Math.round(options.validMinutes * 60),
    });
    if (options.prepare !== undefined || needed.length > 0) {
      writeDown(options, command, needed);
      return;
    }
    await confirm(wanted.explanation, options.yes);
    return client.executeCommand({ command, signatures: [], secret: wanted.secret?.() });
  });
}

async function execute(
  client: CeremonyClient,
  options: RunOptions,
  wanted: Wanted,
  file: string,
): Promise<ExecuteCommandResponse> {
  const { bytes, command } = readCommand(file);
  if (command.cmd !== wanted.name || !isSame(command, wanted))
    throw new Failure(`${file} is another command than the one you gave:\n${explained(command)}`);
  const signatures = (options.signature ?? []).map(readSignature);
  await confirm(`${wanted.explanation}\n\n${explained(command)}`, options.yes);
  return client.executeCommand({ command: bytes, signatures, secret: wanted.secret?.() });
}

/** What was given on the command line must be what was signed; the HSM adds arguments of its own. */
function isSame({ args }: PreparedCommand, { args: given = {} }: Wanted): boolean {
  return Object.entries(given).every(([name, value]) => args[name] === value);
}

function writeDown(options: RunOptions, command: Uint8Array, needed: readonly RootRule[]): undefined {
  const { nonce, cmd } = JSON.parse(Buffer.from(command).toString('utf8')) as PreparedCommand;
  const file = options.prepare ?? `${cmd}-${nonce.slice(0, 8)}.command`;
  writeFileSync(file, command, { flag: 'wx' });
  const rules = needed.map(({ count, role }) => `${count} of role ${role}`).join(' and ') || 'none';
  process.stdout.write(
    [
      `Nothing was done yet: the command is in ${file}.`,
      `Signatures that it needs: ${rules}. Each operator, on a machine of their own:`,
      `  keystead hsm sign ${file} --as NAME --key NAME.key`,
      'Then the same command again, with',
      `  --command ${file} --signature ${file}.NAME.sig …`,
      '',
    ].join('\n'),
  );
  // A script must not take this for done.
  if (options.prepare === undefined) process.exitCode = 2;
  return undefined;
}

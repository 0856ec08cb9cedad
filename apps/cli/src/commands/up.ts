import type { Command } from 'commander';
import { withUpOptions, type UpOptions } from '../up/options.js';
import { up } from '../up/up.js';

/** keystead up: everything on this machine, until Ctrl-C. */
export function upCommand(program: Command): void {
  const command = program.command('up').description('start PostgreSQL and every service, and supervise them');
  withUpOptions(command).action(async (options: UpOptions) => {
    const stopping = new AbortController();
    let askedAt = 0;
    const stop = (): void => {
      // A second Ctrl-C does not wait: supervised services end with this process. Two within a second are
      // one: the terminal and npm both pass it on.
      if (stopping.signal.aborted && Date.now() - askedAt > 1_000) process.exit(130);
      if (!stopping.signal.aborted) askedAt = Date.now();
      stopping.abort();
    };
    process.on('SIGINT', stop);
    process.on('SIGTERM', stop);
    await up(options, process.env, (line) => process.stdout.write(`${line}\n`), stopping.signal);
  });
}

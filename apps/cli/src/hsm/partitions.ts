import type { Command } from 'commander';
import { listPartitions, withWhere, type Where } from './connection.js';
import { runCommand, withSigning, type RunOptions } from './run-command.js';

/** keystead hsm partition: isolated key spaces. */
export function partitionCommands(hsm: Command): void {
  const partition = hsm.command('partition').description('isolated key spaces').addHelpText('after', help);
  withSigning(partition.command('create').description('make a partition').argument('<name>'))
    .requiredOption('--officer <spiffe>', 'the name in the certificate of its first officer')
    .action(async (name: string, options: RunOptions & { officer: string }) => {
      const explanation = `This makes the partition ${name}; ${options.officer} decides who uses it.`;
      const args = { name, officer: options.officer };
      const done = await runCommand(options, { name: 'create-partition', args, explanation });
      if (done) process.stdout.write(`partition ${name} is made, domain ${done.details['domain']}\n`);
    });
  withSigning(partition.command('zeroize').description('destroy all keys of a partition').argument('<name>')).action(
    async (name: string, options: RunOptions) => {
      const explanation = `This destroys every key of the partition ${name}, for ever. No other partition is touched.`;
      if (await runCommand(options, { name: 'zeroize-partition', args: { name }, explanation }))
        process.stdout.write(`partition ${name} is zeroized\n`);
    },
  );
  withWhere(partition.command('list').description('show partitions, their officers and users')).action(
    async (options: Where) => {
      for (const { name, domainId, quorum, officers, users } of (await listPartitions(options)).partitions) {
        process.stdout.write(`${name}  domain ${Buffer.from(domainId).toString('hex')}\n`);
        process.stdout.write(`  officers (${quorum} of them for a change): ${officers.join(', ')}\n`);
        process.stdout.write(`  users: ${users.join(', ')}\n`);
      }
    },
  );
}

const help = `
Officers and users of a partition work over gRPC (PartitionService), each under a certificate of their own. Backups of the
root that are older than a zeroize still hold the domain keys: destroy them too.

Example:
  keystead hsm partition create payments --officer spiffe://keystead.local/svc/payments-admin`;

import type { Command } from 'commander';
import { HsmAdminServiceClient, type GetStatusRequest, type GetStatusResponse } from '@keystead/proto/hsm';
import { invoke } from '@keystead/service';
import { asOperator } from '../runtime.js';

/** keystead hsm status: what the root of trust says of itself. */
export function hsmCommand(program: Command): void {
  program
    .command('hsm')
    .description('look after the root of trust')
    .command('status')
    .description('show domain, root generation, active domain key and recipients; nothing of it is secret')
    .option('--data <dir>', 'the data folder of the running `up`', '.keystead')
    .action(async (options: { data: string }) => {
      const connection = await asOperator(options.data, 'hsm-service');
      const client = new HsmAdminServiceClient(connection.address, connection.credentials, connection.options);
      try {
        const status = await invoke<GetStatusRequest, GetStatusResponse>((...call) => client.getStatus(...call), {});
        const rows: [string, string][] = [
          ['domain', Buffer.from(status.domainId).toString('hex')],
          ['root generation', String(status.rootGeneration)],
          ['root file SHA-256', Buffer.from(status.rootFileHash).toString('hex')],
          ['active domain key', `epoch ${status.activeEpoch}`],
          ['recipients', status.recipients.join(', ')],
        ];
        for (const [name, value] of rows) process.stdout.write(`${name.padEnd(18)} ${value}\n`);
      } finally {
        client.close();
        connection.close();
      }
    });
}

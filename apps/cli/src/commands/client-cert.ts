import { join } from 'node:path';
import type { Command } from 'commander';
import { issueCertificate, principalName } from '@keystead/pki';
import { IamServiceClient, type ResolvePrincipalsRequest, type ResolvePrincipalsResponse } from '@keystead/proto/iam';
import { invoke } from '@keystead/service';
import { openAuthority, writeIdentity } from '../certificates.js';
import { existingDataFolder } from '../data-folder.js';
import { Failure } from '../failure.js';
import { asOperator } from '../runtime.js';

interface Options {
  readonly principal: string;
  readonly out: string;
  readonly hours: number;
  readonly data: string;
  readonly trustDomain: string;
}

/** keystead client-cert: the certificate with which a gRPC client acts as an IAM principal. */
export function clientCertCommand(program: Command): void {
  program
    .command('client-cert')
    .description('make a client certificate for gRPC that acts as an IAM principal; it ends with the principal')
    .requiredOption('--principal <arn>', 'for example arn:aws:iam::000000000000:user/alice')
    .option('--out <dir>', 'gets ca.crt, tls.crt and tls.key', 'client-cert')
    .option('--hours <n>', 'how long it is valid', Number, 24 * 30)
    .option('--data <dir>', 'the data folder of the running `up`', '.keystead')
    .option('--trust-domain <name>', 'the SPIFFE trust domain', 'keystead.local')
    .action(async (options: Options) => {
      if (!(options.hours >= 1 && options.hours <= 24 * 365)) throw new Failure('--hours is a number from 1 to 8760.');
      const { arn, uniqueId } = await resolvePrincipal(options);
      const authority = await openAuthority(existingDataFolder(options.data).authority, new Date());
      const uri = principalName(options.trustDomain, uniqueId, arn);
      writeIdentity(
        options.out,
        authority,
        await issueCertificate(authority, { uri, from: new Date(), hours: options.hours }),
      );
      process.stdout.write(
        `${join(options.out, 'tls.crt')}, tls.key and ca.crt: acts as ${arn} for ${options.hours} hours\n`,
      );
    });
}

async function resolvePrincipal(options: Options): Promise<{ arn: string; uniqueId: string }> {
  const connection = await asOperator(options.data, 'iam-service');
  const client = new IamServiceClient(connection.address, connection.credentials, connection.options);
  try {
    const request = { principals: [options.principal] };
    const { principals } = await invoke<ResolvePrincipalsRequest, ResolvePrincipalsResponse>(
      (...call) => client.resolvePrincipals(...call),
      request,
    );
    const [found] = principals;
    if (found === undefined) throw new Failure(`There is no principal ${options.principal}.`);
    return found;
  } finally {
    client.close();
    connection.close();
  }
}

import { join } from 'node:path';
import type { Command } from 'commander';
import { issueServices, openAuthority, services } from '../certificates.js';

/** keystead certs: a CA and the services' certificates, for compose files and first tries in a cluster. */
export function certsCommand(program: Command): void {
  program
    .command('certs')
    .description('make a CA (once) and fresh certificates for the services, valid for 24 hours')
    .requiredOption('--out <dir>', 'gets ca/ and one folder a service with ca.crt, tls.crt and tls.key')
    .option('--services <name...>', 'only these services', [...services])
    .option('--trust-domain <name>', 'the SPIFFE trust domain', 'keystead.local')
    .option('--dns <name...>', 'further DNS names in every certificate', [])
    .option('--every <hours>', 'stay and renew them each so many hours, before they run out', Number)
    .action(
      async (options: { out: string; services: string[]; trustDomain: string; dns: string[]; every?: number }) => {
        const authority = await openAuthority(join(options.out, 'ca'), new Date());
        const folders = new Map(options.services.map((name) => [name, join(options.out, name)]));
        const issue = (): Promise<void> =>
          issueServices(authority, options.trustDomain, folders, new Date(), { dnsNames: options.dns });
        await issue();
        process.stdout.write(`certificates for ${options.services.join(', ')} in ${options.out}\n`);
        if (options.every === undefined) return;
        setInterval(() => void issue(), options.every * 3_600_000);
        process.on('SIGTERM', () => process.exit(0));
      },
    );
}

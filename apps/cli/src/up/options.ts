import { InvalidArgumentError, Option, type Command } from 'commander';
import { Failure } from '../failure.js';

/** What `keystead up` is asked to do. */
export interface UpOptions {
  readonly data: string;
  /** edge; the gateway's S3 is the next port, kms-service's gRPC the two after: with certificates, with signatures. */
  readonly port: number;
  /** The address on which edge, S3 and gRPC for clients listen. */
  readonly host: string;
  readonly tls: boolean;
  readonly backend: 'directory' | 's3';
  readonly s3Endpoint?: string;
  readonly passphraseFile?: string;
  readonly device: boolean;
  readonly manualUnseal: boolean;
  readonly requireTls: boolean;
  readonly trustDomain: string;
  readonly region: string;
}

/** Three more follow it. */
const lastFirstPort = 65_532;

function port(text: string): number {
  const value = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (value < 1 || value > lastFirstPort)
    throw new InvalidArgumentError(`four ports in a row start at a number from 1 to ${lastFirstPort}.`);
  return value;
}

/** Adds the options of `up` to its command. */
export function withUpOptions(command: Command): Command {
  return command
    .option('--data <dir>', 'where data, certificates and the sealed root stay', '.keystead')
    .option(
      '--port <n>',
      "the endpoint; the gateway's own S3 port is n+1, gRPC of kms-service n+2 (certificates) and n+3 (AWS credentials)",
      port,
      4566,
    )
    .option('--host <address>', 'the address to listen on', '127.0.0.1')
    .option(
      '--tls',
      'HTTPS at the endpoint with a certificate of the local CA, which env names for CLI and SDKs',
      false,
    )
    .addOption(
      new Option('--backend <kind>', 'where encrypted objects go').choices(['directory', 's3']).default('directory'),
    )
    .option(
      '--s3-endpoint <url>',
      'the S3 store of --backend s3; its keys come from KEYSTEAD_S3_ACCESS_KEY_ID and KEYSTEAD_S3_SECRET_ACCESS_KEY',
    )
    .option(
      '--passphrase-file <file>',
      'open the root by the passphrase in this file, instead of a key file in the data folder',
    )
    .option('--device', 'open the root by the PKCS#11 device that KEYSTEAD_PKCS11_* name, and keep no key file', false)
    .option('--manual-unseal', 'keep no secret of the root here: operators open it with `keystead hsm unseal`', false)
    .option('--require-tls', 'demand TLS for SSE-KMS even on loopback, as S3 does', false)
    .option('--trust-domain <name>', 'the SPIFFE trust domain of the services', 'keystead.local')
    .option('--region <name>', 'the Region in ARNs and signatures', 'us-east-1')
    .addHelpText('after', upHelp);
}

const upHelp = `
The first start makes an administrator in account 000000000000; set KEYSTEAD_ADMIN_ACCESS_KEY_ID
and KEYSTEAD_ADMIN_SECRET_ACCESS_KEY to choose its key. KEYSTEAD_TEST_MODE=1 allows POST /_keystead/reset.

Examples:
  npm start                                    everything, on http://127.0.0.1:4566
  npm start -- --port 5000 --data /srv/keys    a second installation beside the first
  npm start -- --tls                           HTTPS; source .keystead/env also names the CA
  npm start -- --backend s3 --s3-endpoint http://127.0.0.1:9000`;

/** Rules between options. Throws Failure. */
export function checkOptions(options: UpOptions, env: NodeJS.ProcessEnv): void {
  const openers = [options.manualUnseal, options.device, options.passphraseFile !== undefined];
  if (openers.filter((given) => given).length > 1)
    throw new Failure('Give one of --passphrase-file, --device and --manual-unseal.');
  if (options.device && !env['KEYSTEAD_PKCS11_MODULE'])
    throw new Failure('--device needs KEYSTEAD_PKCS11_MODULE, KEYSTEAD_PKCS11_TOKEN and KEYSTEAD_PKCS11_PIN_FILE.');
  if (options.backend === 'directory') {
    if (options.s3Endpoint !== undefined) throw new Failure('--s3-endpoint goes with --backend s3.');
    return;
  }
  if (options.s3Endpoint === undefined) throw new Failure('--backend s3 needs --s3-endpoint URL.');
  if (!/^https?:\/\/[^/]+\/?$/.test(options.s3Endpoint) || !URL.canParse(options.s3Endpoint))
    throw new Failure(`--s3-endpoint must be http(s)://host:port, not "${options.s3Endpoint}".`);
  for (const name of ['KEYSTEAD_S3_ACCESS_KEY_ID', 'KEYSTEAD_S3_SECRET_ACCESS_KEY']) {
    if (!env[name]) throw new Failure(`--backend s3 needs ${name} in the environment.`);
  }
}

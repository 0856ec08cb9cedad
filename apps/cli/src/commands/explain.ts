import type { Command } from 'commander';
import {
  KmsAdminServiceClient,
  type ContextValue,
  type ExplainRequest,
  type ExplainResponse,
} from '@keystead/proto/kms';
import { invoke } from '@keystead/service';
import { explanationText } from '../explanation-text.js';
import { Failure } from '../failure.js';
import { recordedDenial } from '../recorded-denial.js';
import { asOperator } from '../runtime.js';

interface Options {
  readonly data: string;
  readonly principal?: string;
  readonly action?: string;
  readonly resource: string;
  readonly context: string[];
  readonly requestId?: string;
  readonly since?: string;
  readonly json: boolean;
  readonly all: boolean;
}

const help = `
An administrator asks why somebody may or may not do something with a key:

  keystead explain --principal arn:aws:iam::000000000000:user/alice --action kms:Decrypt --resource alias/orders \\
      --context kms:EncryptionContext:team=blue --context aws:SourceIp=192.0.2.7

or why a call was refused, by the request id that its caller was shown:

  keystead explain --request-id 6a9c8959-4b84-4664-9bc0-b508e667948b

It is evaluated now, by the policies and grants as they are now. For actions of IAM and S3 ask
aws iam simulate-principal-policy.`;

/** keystead explain: why a principal may or may not do something with a key. */
export function explainCommand(program: Command): void {
  program
    .command('explain')
    .description('tell why a principal may or may not do something with a key, policy by policy')
    .option('--principal <arn>', 'a user, role, role session or root user')
    .option('--action <action>', 'for example kms:Decrypt')
    .option('--resource <key>', 'key id, alias or ARN; * for actions that have no key', '*')
    .option('--context <key=value...>', 'condition keys of the request; a key may be given several times', [])
    .option('--request-id <uuid>', 'explain a recorded refusal instead')
    .option('--since <time>', 'how far back to look for it, ISO 8601; default a day')
    .option('--data <dir>', 'the data folder of the running `up`', '.keystead')
    .option('--all', 'also statements about other actions and principals', false)
    .option('--json', 'for programs', false)
    .addHelpText('after', help)
    .action(explain);
}

async function explain(options: Options): Promise<void> {
  const { requestId, json, all } = options;
  const denial = requestId === undefined ? undefined : await recordedDenial(options.data, requestId, options.since);
  const request = denial?.request ?? requestOf(options);
  const answer = await ask(options.data, request);
  if (json) {
    print(JSON.stringify({ request, recorded: denial?.event, explanation: answer }, null, 2));
    return;
  }
  if (denial) {
    print(`recorded   ${denial.event.eventTime}: ${denial.event.errorMessage}`);
    print('           evaluated again now: policies, grants and the key may have changed since');
  }
  print(explanationText(request, answer, { all }));
}

function requestOf({ principal, action, resource, context }: Options): ExplainRequest {
  if (principal === undefined || action === undefined)
    throw new Failure('Give --principal and --action (and --resource), or --request-id.');
  return { principal, action, resource, context: contextValues(context) };
}

/** Reads key=value; a key that is given several times has several values. */
function contextValues(pairs: readonly string[]): ContextValue[] {
  const values = new Map<string, string[]>();
  for (const pair of pairs) {
    const equals = pair.indexOf('=');
    if (equals < 1) throw new Failure(`--context "${pair}" is not key=value.`);
    const key = pair.slice(0, equals);
    values.set(key, [...(values.get(key) ?? []), pair.slice(equals + 1)]);
  }
  return [...values].map(([key, list]) => ({ key, values: list }));
}

async function ask(data: string, request: ExplainRequest): Promise<ExplainResponse> {
  const connection = await asOperator(data, 'kms-service');
  const client = new KmsAdminServiceClient(connection.address, connection.credentials, connection.options);
  try {
    return await invoke(client.explain.bind(client), request);
  } finally {
    client.close();
    connection.close();
  }
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

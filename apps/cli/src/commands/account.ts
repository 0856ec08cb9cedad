import type { Command } from 'commander';
import { IamAdminServiceClient, type Account, type RootKey } from '@keystead/proto/iam';
import { invoke } from '@keystead/service';
import { Failure } from '../failure.js';
import { asOperator } from '../runtime.js';

interface Common {
  readonly data: string;
  readonly json: boolean;
}

interface RootKeyOptions extends Common {
  readonly list: boolean;
  readonly rotate: boolean;
  readonly delete?: string;
}

const dataOption = ['--data <dir>', 'the data folder of the running `up`', '.keystead'] as const;

/** keystead account: accounts and the access keys of their root users; no AWS API makes them. */
export function accountCommand(program: Command): void {
  const account = program
    .command('account')
    .description('make and list accounts, and the access keys of their root users')
    .addHelpText('after', help);
  account
    .command('create')
    .description('make an account with its root user; `root-key` then makes the key with which to enter it')
    .argument('[id]', '12 digits; without them random ones')
    .option('--alias <name>', 'a name for it, 3 to 63 of a-z, 0-9 and dashes, unique over all accounts')
    .option(...dataOption)
    .option('--json', 'for programs', false)
    .action(create);
  account
    .command('list')
    .description('show every account, its alias, its age and how many keys its root user has')
    .option(...dataOption)
    .option('--json', 'for programs, one account a line', false)
    .action(list);
  account
    .command('root-key')
    .description('make an access key of the root user (the default), list them, rotate or delete')
    .argument('<id>', 'the 12 digits of the account')
    .option('--list', 'show the keys; their secrets nobody can show', false)
    .option('--rotate', 'make a new one and delete all others in the same moment', false)
    .option('--delete <key-id>', 'delete one')
    .option(...dataOption)
    .option('--json', 'for programs', false)
    .action(rootKey);
}

const help = `
The root user of an account may do everything in it, whatever its policies say; so give it a key only to make
the first administrator, and take it away again:

  keystead account create 111122223333 --alias payments
  keystead account root-key 111122223333
  aws iam create-user --user-name alice            # with the key of the root user
  aws iam attach-user-policy --user-name alice --policy-arn arn:aws:iam::aws:policy/AdministratorAccess
  aws iam create-access-key --user-name alice
  keystead account root-key 111122223333 --delete AKIA...

Accounts see nothing of each other but what a key policy names: see "Allowing users in other accounts to use a
KMS key" in AWS's guide.`;

async function create(id: string | undefined, { data, json, alias = '' }: Common & { alias?: string }): Promise<void> {
  const { account } = await withAdmin(data, (client) =>
    invoke(client.createAccount.bind(client), { accountId: id ?? '', alias }),
  );
  if (!account) throw new Failure('iam-service answered without an account.');
  if (json) {
    print(JSON.stringify(shown(account)));
    return;
  }
  print(`account ${account.accountId}${account.alias === '' ? '' : ` (${account.alias})`}`);
  print(`next: keystead account root-key ${account.accountId}`);
}

async function list({ data, json }: Common): Promise<void> {
  await withAdmin(data, async (client) => {
    let after = '';
    do {
      const page = await invoke(client.listAccounts.bind(client), { after, maxResults: 0 });
      for (const account of page.accounts) print(json ? JSON.stringify(shown(account)) : line(account));
      after = page.next;
    } while (after !== '');
  });
}

async function rootKey(accountId: string, options: RootKeyOptions): Promise<void> {
  const { list, rotate, delete: keyId } = options;
  if (Number(list) + Number(rotate) + Number(keyId !== undefined) > 1)
    throw new Failure('Give one of --list, --rotate and --delete, or none to make a key.');
  await withAdmin(options.data, async (client) => {
    if (list) return listRootKeys(client, accountId, options);
    if (keyId === undefined) return makeRootKey(client, accountId, options);
    await invoke(client.deleteRootKey.bind(client), { accountId, accessKeyId: keyId });
    print(`deleted ${keyId}`);
  });
}

async function listRootKeys(client: IamAdminServiceClient, accountId: string, { json }: Common): Promise<void> {
  const { keys } = await invoke(client.listRootKeys.bind(client), { accountId });
  for (const key of keys) print(json ? JSON.stringify(key) : keyLine(key));
}

async function makeRootKey(client: IamAdminServiceClient, accountId: string, options: RootKeyOptions): Promise<void> {
  const made = await invoke(client.createRootKey.bind(client), { accountId, replace: options.rotate });
  const { key, secretAccessKey, deleted } = made;
  if (!key) throw new Failure('iam-service answered without a key.');
  const { accessKeyId } = key;
  if (options.json) {
    print(JSON.stringify({ accountId, accessKeyId, secretAccessKey, deleted }));
    return;
  }
  for (const id of deleted) print(`# deleted ${id}`);
  print(`# the root user of ${accountId}; the secret is shown this once`);
  print(`export AWS_ACCESS_KEY_ID=${accessKeyId}`);
  print(`export AWS_SECRET_ACCESS_KEY=${secretAccessKey}`);
}

async function withAdmin<T>(data: string, work: (client: IamAdminServiceClient) => Promise<T>): Promise<T> {
  const connection = await asOperator(data, 'iam-service');
  const client = new IamAdminServiceClient(connection.address, connection.credentials, connection.options);
  try {
    return await work(client);
  } finally {
    client.close();
    connection.close();
  }
}

function shown({ accountId, alias, createDate, rootKeys }: Account) {
  return { accountId, alias: alias === '' ? null : alias, createDate, rootKeys };
}

function line({ accountId, alias, createDate, rootKeys }: Account): string {
  return [accountId, alias || '-', createDate?.toISOString() ?? '-', `root keys: ${rootKeys}`].join('  ');
}

function keyLine({ accessKeyId, status, createDate, lastUsed }: RootKey): string {
  const used = lastUsed === undefined ? 'never used' : `used ${lastUsed.toISOString()}`;
  return [accessKeyId, status, createDate?.toISOString() ?? '-', used].join('  ');
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

import { auditClient, outboxWorker } from '@keystead/audit';
import { openPool, requireSchemaVersion } from '@keystead/db';
import { warmUp } from '@keystead/policy';
import { ChangeServiceService, TestingServiceService } from '@keystead/proto/common';
import { IamAdminServiceService, IamServiceService } from '@keystead/proto/iam';
import { isMain, LeaseHub, logger, runService, serve, tlsIdentity, type Running } from '@keystead/service';
import { identityTokens } from './clients/identity-tokens.js';
import { kmsSecretKeeper } from './clients/kms.js';
import { tokenKeys } from './clients/token-keys.js';
import { readConfig, type Config } from './config.js';
import type { Role, User } from './domain/entities.js';
import { systemRandom } from './domain/ids.js';
import { adminMethods } from './grpc/admin.js';
import { authorizer } from './grpc/authorize.js';
import { internalMethods } from './grpc/internal.js';
import { sealMessage } from './grpc/sealed-messages.js';
import { queryPipeline } from './grpc/query.js';
import { resolvePrincipal } from './grpc/resolve.js';
import { testingMethods } from './grpc/testing.js';
import { accessKeyOfAnyAccount, recordUses } from './store/access-keys.js';
import { listAccounts } from './store/account.js';
import { applyChanges } from './store/change.js';
import { currentSequence } from './store/changes.js';
import { iamStore } from './store/iam-store.js';
import { policiesOf, policiesOfRole } from './store/principals.js';
import { resetTo } from './store/reset.js';
import { roleOfAnyAccount } from './store/roles.js';
import { removeExpired, sessionOfAnyAccount } from './store/sessions.js';
import { userOfAnyAccount } from './store/users.js';
import { administrator, ensureAdministrator } from './workers/administrator.js';
import { keyUses } from './workers/key-uses.js';
import { sessionSweep } from './workers/session-sweep.js';

/** The migration that this program was written for. */
const schemaVersion = 3;
/** How long the first start waits for kms-service, which wraps the first secret. */
const kmsPatienceMs = 30_000;

/** Starts iam-service, which does not serve before `prepared`; resolves when it serves and the first administrator exists. */
export async function start(config: Config, prepared?: Promise<void>): Promise<Running> {
  const closers: (() => unknown)[] = [];
  const close = async (): Promise<void> => {
    for (const closer of closers.splice(0).reverse()) await closer();
  };
  try {
    return { ...(await compose(config, closers, prepared)), close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function compose(config: Config, closers: (() => unknown)[], prepared?: Promise<void>) {
  const log = logger('iam-service', config.logLevel);
  const now = () => new Date();
  const tls = tlsIdentity(config.tlsDir);
  closers.push(() => tls.close());
  const { databaseUrl: url, databasePasswordFile: passwordFile } = config;
  const pool = openPool({ url, passwordFile, schema: 'iam', onError: (err) => log.warn({ err }, 'database') });
  closers.push(() => pool.end());
  await requireSchemaVersion(pool, schemaVersion);

  const audit = auditClient({ address: config.audit, tls });
  closers.push(() => audit.close());
  const secrets = kmsSecretKeeper({ address: config.kms, tls });
  closers.push(() => secrets.close());
  const outbox = outboxWorker({
    pool,
    append: (record) => audit.append(record),
    failed: (err) => log.warn({ err }, 'the audit log does not take records'),
  });
  closers.push(() => outbox.close());
  const uses = keyUses(
    (collected) => recordUses(pool, collected),
    (err) => log.warn({ err }, 'uses of access keys were not written down'),
  );
  closers.push(() => uses.close());
  const sweep = sessionSweep({ remove: (before) => removeExpired(pool, before), now }, (err) =>
    log.warn({ err }, 'sessions that have ended were not forgotten'),
  );
  closers.push(() => sweep.close());
  const sequence = () => currentSequence(pool);
  const hub = new LeaseHub({ sequence, replicas: config.replicas, log });
  closers.push(() => hub.close());

  const applyChange = applyChanges({ pool, hub, outbox });
  const source = {
    sequence,
    storeOf: (account: string) => iamStore(pool, account),
    policiesOf: (user: User) => policiesOf(pool, user),
    policiesOfRole: (role: Role) => policiesOfRole(pool, role),
    session: (accessKeyId: string) => sessionOfAnyAccount(pool, accessKeyId),
    userById: (id: string) => userOfAnyAccount(pool, id),
    roleById: (id: string) => roleOfAnyAccount(pool, id),
  };
  const accounts = (after: string, limit: number) => listAccounts(pool, after, limit);
  const accessKey = (id: string) => accessKeyOfAnyAccount(pool, id);
  const shared = { ...source, secrets, accessKey, applyChange, noteUse: uses.note, random: systemRandom, now };
  const firstAdministrator = async (): Promise<void> => {
    await ensureAdministrator({ ...shared, account: config.account, ...config.administrator });
  };
  const reset = async (): Promise<void> => {
    await resetTo(pool, hub, config.account, administrator);
    await firstAdministrator();
  };

  const query = queryPipeline({
    ...shared,
    authorizer: authorizer(source, (account, text) => sealMessage(secrets, account, text)),
    resolve: (principal) => resolvePrincipal(source, principal),
    identify: identityTokens({
      keys: tokenKeys(config.tokenKeyFiles),
      provider: (account, name) => source.storeOf(account).oidcProviders.byName(name),
      now,
    }),
    append: (record) => audit.append(record),
    accountOfKey: async (id) => (await accessKey(id))?.key.account ?? (await source.session(id))?.session.account,
  });
  const internal = internalMethods(shared);
  const services = [
    { definition: IamServiceService, implementation: { pipeline: query, ...internal } },
    { definition: IamAdminServiceService, implementation: adminMethods({ ...shared, accounts }) },
    { definition: ChangeServiceService, implementation: { watch: hub.watch } },
  ];
  const testing = { definition: TestingServiceService, implementation: testingMethods(reset) };

  await secrets.waitForReady(kmsPatienceMs);
  await firstAdministrator();
  await prepared;
  const server = await serve({
    name: 'iam-service',
    listen: config.listen,
    opsListen: config.opsListen,
    tls,
    services: config.testMode ? [...services, testing] : services,
    ready: async () => {
      await sequence();
    },
    log,
  });
  closers.push(() => server.close());
  return { address: server.address, opsAddress: server.opsAddress };
}

export { readConfig };

if (isMain(import.meta.url)) await runService('iam-service', readConfig, (config) => start(config, warmUp()));

import { randomUUID } from 'node:crypto';
import { openPool, requireSchemaVersion } from '@keystead/db';
import { KeysteadError } from '@keystead/errors';
import { warmUp } from '@keystead/policy';
import { AuditAdminServiceService, AuditServiceService } from '@keystead/proto/audit';
import { TestingServiceService } from '@keystead/proto/common';
import {
  callMetrics,
  isMain,
  logger,
  metricsRegistry,
  type Running,
  runService,
  serve,
  type ServiceBinding,
  tlsIdentity,
} from '@keystead/service';
import { principals as iamPrincipals } from './clients/iam.js';
import { type Config, readConfig } from './config.js';
import { adminService } from './grpc/admin-service.js';
import { auditService } from './grpc/audit-service.js';
import { testingService } from './grpc/testing-service.js';
import { raiseFloor, reader as lookupReader } from './store/reader.js';
import { verifyJournal } from './store/verify-journal.js';
import { Journal } from './workers/journal.js';

const name = 'audit-service';
const schemaVersion = 1;

/**
 * Starts the journal and its gRPC services, which do not serve before `prepared`. Appending needs only the database;
 * look-ups need iam-service too.
 */
export async function start(config: Config, prepared?: Promise<void>): Promise<Running> {
  const log = logger(name, config.logLevel);
  const tls = tlsIdentity(config.tlsDir);
  const pool = openPool({
    url: config.databaseUrl,
    passwordFile: config.databasePasswordFile,
    schema: 'audit',
    onError: (error) => {
      log.warn({ err: error }, 'a database connection broke');
    },
  });
  await requireSchemaVersion(pool, schemaVersion);
  const metrics = metricsRegistry(name);
  const commits = callMetrics(metrics, 'keystead_journal_commits', 'Batches committed to the journal.');
  const journal = new Journal({
    ...{ pool, log, holder: randomUUID() },
    committed: (_records, seconds) => {
      commits.done('commit', '', seconds);
    },
  });
  const principals = iamPrincipals({ address: config.iamAddress, tls });
  const reader = lookupReader(pool);
  const append = journal.append.bind(journal);
  const { region, testMode } = config;
  const audit = auditService({ reader, principals, append, region, testMode, now: () => new Date() });
  const services: ServiceBinding[] = [
    { definition: AuditServiceService, implementation: audit },
    {
      definition: AuditAdminServiceService,
      implementation: adminService({ reader, verify: () => verifyJournal(pool) }),
    },
  ];
  if (testMode)
    services.push({
      definition: TestingServiceService,
      implementation: testingService({ hideAll: () => raiseFloor(pool) }),
    });
  const { listen, opsListen } = config;
  const ready = (): void => {
    if (!journal.leading) throw new KeysteadError('Unavailable', 'This replica does not lead the journal.');
  };
  await prepared;
  const server = await serve({ name, listen, opsListen, tls, services, ready, log, metrics });
  return {
    address: server.address,
    opsAddress: server.opsAddress,
    close: async () => {
      await server.close();
      await journal.close();
      principals.close();
      await pool.end();
      tls.close();
    },
  };
}

export { readConfig };

if (isMain(import.meta.url)) await runService(name, readConfig, (config) => start(config, warmUp()));

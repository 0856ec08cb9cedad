export {
  identifier,
  openPool,
  urlWith,
  Pool,
  type PoolClient,
  type PoolOptions,
  type Queryable,
  type Statement,
} from './pool.js';
export {
  isUniqueViolation,
  requireSchemaVersion,
  sqlState,
  transaction,
  type TransactionOptions,
  type Tx,
} from './transaction.js';
export { migrate, withClient, type AdminOptions, type MigrateOptions } from './migrate.js';
export { prepareDatabase, type PrepareOptions, type ServiceSchema } from './prepare.js';

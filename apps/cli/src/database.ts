import { prepareDatabase, type AdminOptions } from '@keystead/db';
import { migrationsOf } from './home.js';

/** The services that keep something in PostgreSQL, and their schemas. */
export const schemas = {
  'audit-service': 'audit',
  'kms-service': 'kms',
  'iam-service': 'iam',
  'object-store-gateway': 'gateway',
} as const;

/** A service with a database. */
export type DatabaseService = keyof typeof schemas;

/** The name of the database in which all schemas lie. */
export const databaseName = 'keystead';

/** The role under which a service logs in. */
export function roleOf(service: DatabaseService): string {
  return `keystead_${schemas[service]}`;
}

/** Makes or updates database, roles, schemas and tables; `passwordOf` gives each role's password. */
export function prepare(
  admin: AdminOptions,
  database: string,
  passwordOf: (service: DatabaseService) => string,
): Promise<void> {
  const names = Object.keys(schemas) as DatabaseService[];
  return prepareDatabase({
    ...admin,
    database,
    services: names.map((name) => ({
      name,
      schema: schemas[name],
      role: roleOf(name),
      password: passwordOf(name),
      migrationsDirectory: migrationsOf(name),
    })),
  });
}

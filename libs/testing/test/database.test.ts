import { readFileSync } from 'node:fs';
import { sqlState, withClient } from '@keystead/db';
import { expect, test } from 'vitest';
import { testDatabase } from '../src/database.js';

test('two databases at once, each with the rights of its service, and gone afterwards', async () => {
  const [one, two] = await Promise.all([testDatabase('audit-service'), testDatabase('audit-service', 'iam-service')]);
  const names = [one.name, two.name];
  try {
    expect(one.name).not.toBe(two.name);
    expect(readFileSync(one.of('audit-service').passwordFile, 'utf8').trim()).toBe(one.of('audit-service').password);
    expect(() => one.of('kms-service')).toThrow(/not asked for kms-service/);
    const { rows } = await two
      .pool('iam-service')
      .query<{ who: string; where: string }>('select current_user as who, current_schema as where');
    expect(rows).toEqual([{ who: 'keystead_iam', where: 'iam' }]);
    const forbidden = await two
      .pool('iam-service')
      .query('select * from audit.schema_version')
      .catch((error: unknown) => error);
    expect(sqlState(forbidden)).toBe('42501');
  } finally {
    await Promise.all([one, two].map((database) => database[Symbol.asyncDispose]()));
  }
  const broker = (await (await fetch(process.env['KEYSTEAD_TEST_POSTGRES_BROKER'] ?? '')).json()) as {
    adminUrl: string;
    adminPassword: string;
  };
  const left = await withClient(broker, (client) =>
    client.query('select datname from pg_database where datname = any($1)', [names]),
  );
  expect(left.rows).toEqual([]);
});

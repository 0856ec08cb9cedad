import { logger } from '@keystead/service';
import { testDatabase, type TestDatabase } from '@keystead/testing/database';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { verifyJournal } from '../src/store/verify-journal.js';
import { Journal } from '../src/workers/journal.js';
import { record } from './records.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await testDatabase('audit-service');
});
afterAll(() => database[Symbol.asyncDispose]());

const log = logger('audit-service', 'silent');
const open = (holder: string): Journal => new Journal({ pool: database.pool('audit-service'), holder, log });

describe('the journal', () => {
  test('gives every record of a crowd its own index, and the tree recomputes', async () => {
    const journal = open('crowd');
    const indexes = await Promise.all(Array.from({ length: 500 }, () => journal.append(record())));
    await journal.close();
    expect(new Set(indexes).size).toBe(500);
    expect(Math.max(...indexes)).toBe(499);
    const verdict = await verifyJournal(database.pool('audit-service'));
    expect(verdict).toMatchObject({ findings: [], size: 500 });
  });

  test('keeps an event once, however often and whenever it is delivered', async () => {
    const journal = open('twice');
    const [first, other] = [record(), record()];
    const together = await Promise.all([journal.append(first), journal.append(first), journal.append(other)]);
    expect(together[0]).toBe(together[1]);
    const again = await Promise.all([journal.append(record()), journal.append(first), journal.append(record())]);
    expect(again[1]).toBe(together[0]);
    await journal.close();
    const { rows } = await database
      .pool('audit-service')
      .query('select count(*)::int as n from audit_leaf where event_id = $1', [first.eventId]);
    expect(rows).toEqual([{ n: 1 }]);
  });

  test('follows a leader that gives up, and fences one that does not know it', async () => {
    const one = open('one');
    await one.append(record());
    const two = open('two');
    await one.close();
    const before = await two.append(record());
    // Somebody takes the lease over without asking: the next batch of the old leader must not get in.
    await database.adminPool('audit-service').query(`update audit_tree set epoch = epoch + 1 where id = 1`);
    const after = await two.append(record());
    expect(after).toBe(before + 1);
    await two.close();
    expect((await verifyJournal(database.pool('audit-service'))).findings).toEqual([]);
  });

  test('refuses within two seconds while another replica leads', async () => {
    const leader = open('leader');
    await leader.append(record());
    const standby = open('standby');
    const begun = performance.now();
    await expect(standby.append(record())).rejects.toMatchObject({ code: 'Unavailable' });
    expect(performance.now() - begun).toBeLessThan(2_200);
    expect(standby.leading).toBe(false);
    await leader.close();
    await expect(standby.append(record())).resolves.toBeTypeOf('number');
    await standby.close();
  });

  test('does not let one bad record keep the others out', async () => {
    const journal = open('poison');
    const bad = { ...record(), eventId: 'not-a-uuid' };
    const answers = await Promise.allSettled([journal.append(record()), journal.append(bad), journal.append(record())]);
    expect(answers.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    await journal.close();
  });

  test('nobody may change or remove a leaf with the rights of the service', async () => {
    const pool = database.pool('audit-service');
    for (const statement of ['delete from audit_leaf', "update audit_leaf set body = ''", 'truncate audit_leaf']) {
      await expect(pool.query(statement)).rejects.toMatchObject({ code: '42501' });
    }
  });

  test('verify names a leaf that was changed, one that is missing, and a root that does not fit', async () => {
    const admin = database.adminPool('audit-service');
    await admin.query(
      `update audit_leaf set body = decode(replace(encode(body, 'escape'), 'Encrypt', 'Decrypt'), 'escape') where idx = 3`,
    );
    await admin.query('delete from audit_leaf where idx = 10');
    const { findings } = await verifyJournal(database.pool('audit-service'));
    expect(findings).toContain('leaf 3: its hash is not the stored one');
    expect(findings).toContain('leaf 11 follows leaf 9');
    expect(findings.some((finding) => finding.startsWith('the root is'))).toBe(true);
  });
});

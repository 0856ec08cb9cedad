import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { transaction } from '@keystead/db';
import type { AuditRecord } from '@keystead/proto/audit';
import { PrincipalType } from '@keystead/proto/common';
import { testDatabase, type TestDatabase } from '@keystead/testing/database';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { cloudTrailRecord, enqueue, outboxWorker } from '../src/index.js';

const record = (eventName: string): AuditRecord =>
  cloudTrailRecord(
    {
      principal: {
        type: PrincipalType.PRINCIPAL_TYPE_ROOT,
        arn: 'arn:aws:iam::000000000000:root',
        uniqueId: '000000000000',
        account: '000000000000',
        userName: '',
      },
      ...{
        accessKeyId: '',
        session: undefined,
        sourceIp: '',
        userAgent: '',
        tls: undefined,
        viaService: '',
        requestId: '',
      },
    },
    { at: new Date(), region: 'us-east-1', eventSource: 'kms.amazonaws.com', eventName, readOnly: false },
  );

let database: TestDatabase;
beforeAll(async () => {
  // Any database will do: the snippet makes its own table.
  database = await testDatabase('audit-service');
  await database.adminPool('audit-service').query(readFileSync(new URL('../outbox.sql', import.meta.url), 'utf8'));
});
beforeEach(() => database.adminPool('audit-service').query('delete from audit_outbox'));
afterAll(() => database[Symbol.asyncDispose]());

describe('the outbox', () => {
  test('delivers what was committed, in order, and nothing that was rolled back', async () => {
    const pool = database.adminPool('audit-service');
    const delivered: string[] = [];
    const worker = outboxWorker({ pool, append: async ({ eventName }) => void delivered.push(eventName) });
    for (const name of ['one', 'two', 'three']) await transaction(pool, (tx) => enqueue(tx, record(name)));
    const undone = transaction(pool, async (tx) => {
      await enqueue(tx, record('never'));
      throw new Error('undone');
    });
    await expect(undone).rejects.toThrow('undone');
    await worker.drained();
    await worker.close();
    expect(delivered).toEqual(['one', 'two', 'three']);
    expect((await pool.query('select * from audit_outbox')).rows).toEqual([]);
  });

  test('delivers the same event again until it arrives', async () => {
    const pool = database.adminPool('audit-service');
    const seen: AuditRecord[] = [];
    const failures: unknown[] = [];
    let away = true;
    const append = async (one: AuditRecord): Promise<void> => {
      seen.push(one);
      if (away) throw new Error('away');
    };
    const worker = outboxWorker({ pool, append, failed: (error) => void failures.push(error) });
    const [first, second] = [record('first'), record('second')];
    await transaction(pool, async (tx) => {
      await enqueue(tx, first);
      await enqueue(tx, second);
    });
    worker.poke();
    while (failures.length === 0) await sleep(10);
    away = false;
    await worker.drained();
    await worker.close();
    const ids = seen.map(({ eventId }) => eventId);
    expect(ids.slice(-2)).toEqual([first.eventId, second.eventId]);
    expect(ids.slice(0, 2)).toEqual([first.eventId, second.eventId]);
    expect(Buffer.from(seen.at(-1)?.record ?? []).equals(second.record)).toBe(true);
  });

  test('refuses changes while a record waits for more than five seconds', async () => {
    const pool = database.adminPool('audit-service');
    let away = true;
    const append = () => (away ? Promise.reject(new Error('away')) : Promise.resolve());
    await enqueue(pool, record('old'));
    await pool.query(`update audit_outbox set created_at = now() - interval '4.5 seconds'`);
    let failures = 0;
    const worker = outboxWorker({
      pool,
      append,
      failed: () => {
        failures += 1;
      },
    });
    while (failures === 0) await sleep(10);
    expect(() => {
      worker.assertNotBehind();
    }).not.toThrow();
    await sleep(800);
    expect(() => {
      worker.assertNotBehind();
    }).toThrow(expect.objectContaining({ code: 'Unavailable' }) as Error);
    away = false;
    await worker.drained();
    expect(() => {
      worker.assertNotBehind();
    }).not.toThrow();
    await worker.close();
  });
});

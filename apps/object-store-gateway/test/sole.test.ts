import { testDatabase } from '@keystead/testing/database';
import type { TestDatabase } from '@keystead/testing/database';
import { ConfigError, logger } from '@keystead/service';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import type { ObjectRecord } from '../src/domain/object.js';
import { sealRecord } from '../src/domain/record-seal.js';
import { rebuildIndex } from '../src/workers/rebuild.js';
import { type Sole, holdIndex } from '../src/workers/sole.js';

const log = logger('test', 'silent');

describe('the lock on the index', () => {
  let database: TestDatabase;
  const held: Sole[] = [];
  beforeAll(async () => {
    database = await testDatabase('object-store-gateway');
  });
  afterEach(async () => {
    for (const one of held.splice(0)) one.close();
    await vi.waitFor(async () => expect(await holders()).toEqual([]));
  });
  afterAll(() => database[Symbol.asyncDispose]());

  const hold = async (sole: boolean): Promise<Sole> => {
    const holder = await holdIndex({ pool: database.pool('object-store-gateway'), sole, log, patienceMs: 300 });
    held.push(holder);
    return holder;
  };
  const holders = async (): Promise<number[]> => {
    const text = `select pid from pg_locks where locktype = 'advisory' and granted`;
    const { rows } = await database.adminPool('object-store-gateway').query<{ pid: number }>(text);
    return rows.map(({ pid }) => pid);
  };

  test('is for one sole gateway, or for several others', async () => {
    const sole = await hold(true);
    await vi.waitFor(() => expect(sole.fresh()).toBe(true));
    await expect(hold(true)).rejects.toThrow(ConfigError);
    await expect(hold(false)).rejects.toThrow(/for the only one/);
    sole.close();
    expect(sole.fresh()).toBe(false);
    const [one, other] = [await hold(false), await hold(false)];
    expect([one.fresh(), other.fresh()]).toEqual([false, false]);
    await expect(hold(true)).rejects.toThrow(/Another object-store-gateway/);
  });

  test('waits for what a predecessor still does, and for nobody who rests', async () => {
    const predecessor = await database.pool('object-store-gateway').connect();
    const changing = predecessor.query('select pg_sleep(1)');
    const sole = await hold(true);
    expect(sole.fresh()).toBe(false);
    await changing;
    await vi.waitFor(() => expect(sole.fresh()).toBe(true), 2_000);
    predecessor.release();
  });

  test('is taken again when its connection is lost, and what was read before does not count', async () => {
    const sole = await hold(true);
    await vi.waitFor(() => expect(sole.fresh()).toBe(true));
    const told = vi.fn();
    sole.onChange(told);
    const [pid] = await holders();
    await database.adminPool('object-store-gateway').query('select pg_terminate_backend($1)', [pid]);
    await vi.waitFor(() => expect(told).toHaveBeenCalledWith(undefined));
    expect(sole.fresh()).toBe(false);
    await vi.waitFor(async () => expect(await holders()).toHaveLength(1));
    // Somebody else may have held it meanwhile, whose statements may still run.
    expect(sole.fresh()).toBe(false);
  });

  test('hears of a rebuild beside it', async () => {
    const sole = await hold(true);
    const told = vi.fn();
    sole.onChange(told);
    const record: ObjectRecord = {
      ...{
        version: 1,
        bucket: 'one',
        key: 'a',
        modified: 1_700_000_000_000,
        size: 0,
        etag: '',
        headers: {},
        uploadId: '',
      },
      encryption: { algorithm: 'AES256', keyArn: '', context: {}, bucketKeyEnabled: false, wrappedKey: '' },
      segments: [],
    };
    const blob = { blob: 'one/1', record: Buffer.from(sealRecord(record, Buffer.alloc(32))) };
    const records = async function* (): AsyncGenerator<typeof blob> {
      yield await Promise.resolve(blob);
    };
    const pool = database.pool('object-store-gateway');
    expect(await rebuildIndex(pool, { records } as never, '000000000000')).toMatchObject({ restored: 1 });
    await vi.waitFor(() => expect(told).toHaveBeenCalledWith(undefined));
  });
});

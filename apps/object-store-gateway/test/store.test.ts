import type { AuditRecord } from '@keystead/proto/audit';
import { testDatabase } from '@keystead/testing/database';
import type { TestDatabase } from '@keystead/testing/database';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { trailing } from '../src/clients/trailing.js';
import type { ObjectRecord } from '../src/domain/object.js';
import { Batches } from '../src/store/batches.js';
import { gatewayStore } from '../src/store/gateway-store.js';
import type { GatewayStore } from '../src/store/gateway-store.js';
import { KnownBuckets } from '../src/store/known-buckets.js';
import type { ObjectWrite } from '../src/store/object-writes.js';

const owner = '000000000000';

const auditRecord: AuditRecord = {
  ...{ eventId: '', account: owner, category: 2, eventTimeMs: 0n, eventName: 'PutObject', eventSource: '' },
  ...{ readOnly: false, username: '', accessKeyId: '', resources: [], resourcesInRecord: true },
  record: new Uint8Array(),
};

let blobs = 0;

function write(bucket: string, key: string): ObjectWrite & { readonly blob: string } {
  const blob = `${bucket}/${String(++blobs).padStart(32, '0')}`;
  const record: ObjectRecord = {
    ...{ version: 1, bucket, key, modified: 1_700_000_000_000, size: 1, etag: blob, headers: {}, uploadId: '' },
    encryption: { algorithm: 'AES256', keyArn: '', context: {}, bucketKeyEnabled: false, wrappedKey: '' },
    segments: [{ blob, part: 0, size: 1, header: '' }],
  };
  return { sealed: blob, record, owner, told: auditRecord, blob };
}

describe('many writes with one commit', () => {
  let database: TestDatabase;
  let store: GatewayStore;
  beforeAll(async () => {
    database = await testDatabase('object-store-gateway');
    store = gatewayStore(database.pool('object-store-gateway'));
  });
  beforeEach(async () => {
    const pool = database.adminPool('object-store-gateway');
    for (const table of ['object', 'bucket', 'garbage', 'audit_outbox']) await pool.query(`delete from ${table}`);
    await store.change(auditRecord, async (changes) => {
      await changes.addBucket('one', owner, new Date());
      await changes.addBucket('two', owner, new Date());
    });
    await pool.query('delete from audit_outbox');
  });
  afterAll(() => database[Symbol.asyncDispose]());

  const rows = async (text: string): Promise<Record<string, unknown>[]> =>
    (await database.adminPool('object-store-gateway').query<Record<string, unknown>>(text)).rows;

  test('all are found, and each has its record in the outbox', async () => {
    const writes = Array.from({ length: 200 }, (_, n) => write(n % 2 === 0 ? 'one' : 'two', `ü/${n}`));
    expect(await Promise.all(writes.map((one) => store.writeObject(one)))).toEqual(writes.map(() => true));
    const found = await Promise.all(writes.map(({ record: { bucket, key } }) => store.bucketAndObject(bucket, key)));
    expect(found.map((one) => one?.object)).toEqual(writes.map(({ sealed }) => sealed));
    expect(found[1]?.bucket).toMatchObject({ name: 'two', account: owner, encryption: undefined });
    expect(await rows('select record from audit_outbox')).toHaveLength(200);
    expect(await store.bucketAndObject('one', 'none')).toMatchObject({ object: undefined });
    expect(await store.bucketAndObject('three', 'none')).toBeUndefined();
  });

  test('the database plans each statement once', async () => {
    const pool = database.pool('object-store-gateway');
    const fresh = gatewayStore(pool);
    for (let n = 0; n < 20; n++) {
      await fresh.writeObject(write('one', `${n}`));
      await fresh.bucketAndObject('one', `${n}`);
    }
    const { rows: statements } = await pool.query<{ name: string; planned: bigint }>(
      `select name, custom_plans as planned from pg_prepared_statements
       where name in ('objects_replace', 'bucket_object_find')`,
    );
    // PostgreSQL tries five times whether a plan for the values at hand is better.
    expect(statements.map(({ planned }) => planned)).toEqual([5n, 5n]);
  });

  test('of one key the last stays, and the blobs of all others are garbage', async () => {
    const writes = Array.from({ length: 20 }, () => write('one', 'same'));
    await Promise.all(writes.map((one) => store.writeObject(one)));
    expect((await store.bucketAndObject('one', 'same'))?.object).toBe(writes.at(-1)?.sealed);
    const garbage = (await rows('select blob from garbage order by blob')).map(({ blob }) => blob);
    expect(garbage).toEqual(writes.slice(0, -1).map(({ blob }) => blob));
  });

  test('a bucket that is gone or has another owner takes nothing, and others are not held up', async () => {
    const writes = [write('one', 'a'), { ...write('two', 'b'), owner: '111111111111' }, write('three', 'c')];
    expect(await Promise.all(writes.map((one) => store.writeObject(one)))).toEqual([true, false, false]);
    expect(await rows('select bucket from object')).toEqual([{ bucket: 'one' }]);
    expect(await rows('select 1 from audit_outbox')).toHaveLength(1);
  });

  test('what the database refuses fails alone', async () => {
    const bad = write('one', 'bad');
    const writes = [write('one', 'a'), { ...bad, record: { ...bad.record, size: NaN } }, write('one', 'c')];
    const results = await Promise.allSettled(writes.map((one) => store.writeObject(one)));
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(await rows('select key from object order by key')).toHaveLength(2);
  });

  test('a bucket is forgotten when something is changed here', async () => {
    expect(await store.recentBucket('one')).toMatchObject({ encryption: undefined });
    await store.change(auditRecord, (changes) =>
      changes.setBucketEncryption('one', { algorithm: 'aws:kms', bucketKeyEnabled: false }),
    );
    expect(await store.recentBucket('one')).toMatchObject({ encryption: { algorithm: 'aws:kms' } });
  });
});

test('a bucket that was read while something changed is not remembered', async () => {
  let account = 'old';
  let answer: () => void = () => undefined;
  const known = new KnownBuckets(async (name) => {
    const bucket = { name, account, createdAt: new Date(), encryption: undefined };
    await new Promise<void>((resolve) => (answer = resolve));
    return bucket;
  });
  const reading = known.get('one');
  account = 'new';
  known.forget();
  answer();
  await reading;
  const again = known.get('one');
  answer();
  expect(await again).toMatchObject({ account: 'new' });
});

test('a batch takes what came while the one before was under way, and fails as one', async () => {
  const sizes: number[] = [];
  let open: () => void = () => undefined;
  const batches = new Batches<number, number>(async (items) => {
    sizes.push(items.length);
    await new Promise<void>((resolve) => (open = resolve));
    if (items.includes(7)) throw new Error('seven');
    return items.map((item) => item * 2);
  });
  const first = batches.do(1);
  while (sizes.length === 0) await new Promise(setImmediate);
  const others = [2, 3, 4].map((n) => batches.do(n));
  open();
  expect(await first).toBe(2);
  while (sizes.length === 1) await new Promise(setImmediate);
  const failing = batches.do(7);
  open();
  expect(await Promise.all(others)).toEqual([4, 6, 8]);
  while (sizes.length === 2) await new Promise(setImmediate);
  open();
  await expect(failing).rejects.toThrow('seven');
  expect(sizes).toEqual([1, 3, 1]);
});

test('a patient batch waits for as many as came before, and goes without those who do not come', async () => {
  const sizes: number[] = [];
  const turn = () => new Promise(setImmediate);
  const patient = (patienceMs: number) =>
    new Batches<number, number>(
      (items) => {
        sizes.push(items.length);
        return Promise.resolve(items);
      },
      { patienceMs },
    );
  const batches = patient(60_000);
  await batches.do(1); // who is alone never waits
  await Promise.all([1, 2, 3].map((n) => batches.do(n)));
  const early = [1, 2].map((n) => batches.do(n));
  for (let turns = 0; turns < 20; turns++) await turn();
  expect(sizes).toEqual([1, 3]);
  expect(await Promise.all([...early, batches.do(3)])).toEqual([1, 2, 3]);
  expect(sizes).toEqual([1, 3, 3]);
  const hasty = patient(1);
  await Promise.all([1, 2, 3].map((n) => hasty.do(n)));
  expect(await hasty.do(1)).toBe(1);
  expect(sizes.slice(3)).toEqual([3, 1]);
});

test('records that nobody waits for are handed over in groups, at the end at once', async () => {
  const groups: string[][] = [];
  let group: string[] | undefined;
  const records = trailing(({ eventName }) => {
    if (!group) {
      group = [];
      groups.push(group);
      queueMicrotask(() => (group = undefined));
    }
    group.push(eventName);
    return eventName === 'lost' ? Promise.reject(new Error('lost')) : Promise.resolve();
  }, 5);
  const named = (eventName: string): Promise<unknown> => records.do({ ...auditRecord, eventName });
  await Promise.all([named('a'), named('b')]);
  const lost = expect(named('lost')).rejects.toThrow('lost');
  const kept = named('kept');
  await records.close();
  await Promise.all([lost, kept]);
  expect(groups).toEqual([
    ['a', 'b'],
    ['lost', 'kept'],
  ]);
});

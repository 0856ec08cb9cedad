import type { Queryable } from '@keystead/db';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { S3Error } from '../src/domain/s3-error.js';
import { IndexChanges, nameOf } from '../src/store/index-changes.js';
import { lookUps } from '../src/store/look-ups.js';

const alone = { fresh: () => true, onChange: () => () => undefined };

/** A database of one bucket; every way to it and back waits for `step`. */
function indexOf(committed: ReadonlyMap<string, number>, step: () => Promise<unknown>) {
  let asked = 0;
  const query = async (statement: { values: [string[], Buffer[]] }): Promise<unknown> => {
    asked += statement.values[1].length;
    await step();
    const rows = statement.values[1].map((key, n) => ({
      ...{ n: BigInt(n + 1), name: 'one', account: '000000000000', created_at: new Date(0), encryption: null },
      record: committed.get(key.toString())?.toString() ?? null,
    }));
    await step();
    return { rows };
  };
  return { db: { query } as unknown as Queryable, asked: () => asked };
}

/** A turn of the event loop or two after each step, in which callers find company and batches begin. */
const slowly = async (step: () => Promise<unknown>): Promise<void> => {
  await step();
  for (let turns = 0; turns < 3; turns++) await new Promise(setImmediate);
};

const valueOf = (found: { object: string | undefined } | undefined): number => Number(found?.object ?? 0);

describe('what is kept of the index', () => {
  test('whoever reads after an answered write, or after another reader, sees nothing older', async () => {
    const call = fc.record({
      key: fc.constantFrom('a', 'b'),
      kind: fc.constantFrom('read', 'read', 'write', 'bucket'),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.scheduler({ act: slowly }),
        fc.array(call, { minLength: 2, maxLength: 20 }),
        async (scheduler, calls) => {
          const step = (): Promise<unknown> => scheduler.schedule(Promise.resolve());
          const committed = new Map<string, number>();
          /** The newest that somebody has been told of each key. */
          const told = new Map<string, number>();
          const tell = (key: string, value: number): unknown => told.set(key, Math.max(told.get(key) ?? 0, value));
          let newest = 0;
          const index = new IndexChanges(alone);
          const find = lookUps(indexOf(committed, step).db, index);
          const run = async ({ key, kind }: { key: string; kind: string }): Promise<void> => {
            await step();
            if (kind === 'read') {
              const before = told.get(key) ?? 0;
              const value = valueOf(await find('one', key));
              expect(value).toBeGreaterThanOrEqual(before);
              return void tell(key, value);
            }
            const written = await index.during(async (touch) => {
              await step();
              touch(kind === 'bucket' ? undefined : nameOf('one', key));
              await step();
              const value = ++newest;
              committed.set(key, value);
              await step();
              return value;
            });
            tell(key, written);
          };
          await scheduler.waitFor(Promise.all(calls.map(run)));
        },
      ),
      // Found by the 1,178th: a reader who asked again during the change kept what it got.
      { numRuns: 2_000 },
    );
  });

  test('is not asked for again until it changes', async () => {
    const committed = new Map([['a', 1]]);
    const { db, asked } = indexOf(committed, () => Promise.resolve());
    const index = new IndexChanges(alone);
    const find = lookUps(db, index);
    expect(valueOf(await find('one', 'a'))).toBe(1);
    committed.set('a', 2);
    expect(valueOf(await find('one', 'a'))).toBe(1);
    expect(asked()).toBe(1);
    await index.during(async (touch) => {
      touch(nameOf('one', 'a'));
      expect(valueOf(await find('one', 'a'))).toBe(2);
      committed.set('a', 3);
      expect(valueOf(await find('one', 'a'))).toBe(3);
    });
    expect(valueOf(await find('one', 'a'))).toBe(3);
    expect(asked()).toBe(4);
  });

  test('is nothing while others may change it', async () => {
    const { db, asked } = indexOf(new Map([['a', 1]]), () => Promise.resolve());
    const find = lookUps(db, new IndexChanges({ ...alone, fresh: () => false }));
    await find('one', 'a');
    await find('one', 'a');
    expect(asked()).toBe(2);
  });

  const failures = [
    [new Error('Connection terminated unexpectedly'), false],
    [Object.assign(new Error('terminating connection'), { code: '57P01' }), false],
    [Object.assign(new Error('could not serialize'), { code: '40001' }), true],
    [new S3Error('PreconditionFailed'), true],
  ] as const;
  test.each(failures)('after a change that failed by "%s" it is kept: %s', async (failure, kept) => {
    const index = new IndexChanges(alone);
    const change = index.during(async (touch) => {
      touch('one/a');
      await Promise.reject(failure);
    });
    await expect(change).rejects.toBe(failure);
    expect(index.fresh()).toBe(kept);
    expect(index.isChanging('one/a')).toBe(false);
  });
});

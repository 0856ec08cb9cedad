import { randomUUID } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { PrincipalType } from '@keystead/proto/common';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { daysWithoutUse } from '../src/domain/last-usage.js';
import { keyUses } from '../src/workers/key-uses.js';
import { account, contextOf, root, system, type System } from './support/system.js';

const plaintext = Buffer.from('x');
const stranger = '111122223333';
const day = 86_400_000;
const other = contextOf({
  ...{ type: PrincipalType.PRINCIPAL_TYPE_ROOT, arn: `arn:aws:iam::${stranger}:root`, uniqueId: stranger },
  ...{ account: stranger, userName: '' },
});
let s: System;
let keyId: string;

beforeAll(async () => {
  s = await system();
  const text = 'insert into account (id, created_at) values ($1, now())';
  await s.database.adminPool('iam-service').query({ text, values: [stranger] });
});
afterAll(() => s[Symbol.asyncDispose]());
beforeEach(async () => {
  s.setClock(undefined);
  keyId = (await s.kms('createKey')).keyMetadata?.keyId ?? '';
});

const usage = (of = keyId) => s.kms('getKeyLastUsage', { keyId: of });
const encrypt = () => s.kms('encrypt', { keyId, plaintext });

describe('the last use of a key', () => {
  test('is none as long as there was none, and known since the key was made', async () => {
    const { keyLastUsage, ...rest } = await usage();
    expect(keyLastUsage).toEqual({});
    expect(rest.keyId).toBe(keyId);
    expect(rest.trackingStartDateMs).toBe(rest.keyCreationDateMs);
  });

  test('is the last one that succeeded, by its event and request', async () => {
    const { ciphertextBlob } = await encrypt();
    expect((await usage()).keyLastUsage).toMatchObject({ operation: 'Encrypt' });
    await s.kms('decrypt', { ciphertextBlob });
    await expect(s.kms('encrypt', { keyId, plaintext, dryRun: true })).rejects.toMatchObject({
      code: 'DryRunOperation',
    });
    await expect(s.kms('decrypt', { ciphertextBlob, encryptionContext: { a: 'b' } })).rejects.toBeDefined();
    await s.kms('describeKey', { keyId });
    const [record] = (await s.records('Decrypt')).slice(-2);
    expect((await usage()).keyLastUsage).toEqual({
      operation: 'Decrypt',
      timestampMs: expect.any(BigInt) as bigint,
      cloudTrailEventId: record?.['eventID'],
      kmsRequestId: record?.['requestID'],
    });
  });

  test('of ReEncrypt is of both keys; of a call from another account the event in the owner’s log', async () => {
    const allow = (Principal: object) => ({ Effect: 'Allow', Principal, Action: 'kms:*', Resource: '*' });
    const Statement = [allow({ AWS: root.principal?.arn }), allow({ AWS: account }), allow({ AWS: stranger })];
    await s.kms('putKeyPolicy', { keyId, policy: JSON.stringify({ Version: '2012-10-17', Statement }) });
    const { ciphertextBlob } = await encrypt();
    const theirs = (await s.kms('createKey', {}, other)).keyMetadata?.keyId ?? '';
    await s.kms('reEncrypt', { ciphertextBlob, destinationKeyId: theirs }, other);
    const ids = (await s.records('ReEncrypt')).map(({ recipientAccountId, eventID }) => [recipientAccountId, eventID]);
    const eventOf = Object.fromEntries(ids.slice(-2)) as Record<string, string>;
    expect((await usage()).keyLastUsage).toMatchObject({ operation: 'ReEncrypt', cloudTrailEventId: eventOf[account] });
    const { keyLastUsage } = await s.kms('getKeyLastUsage', { keyId: theirs }, other);
    expect(keyLastUsage).toMatchObject({ operation: 'ReEncrypt', cloudTrailEventId: eventOf[stranger] });
    // Whoever may use the key from elsewhere does not learn who else does.
    const arn = `arn:aws:kms:us-east-1:${account}:key/${keyId}`;
    await expect(s.kms('getKeyLastUsage', { keyId: arn }, other)).rejects.toMatchObject({ code: 'AccessDenied' });
  });

  test('stays when an earlier one is written down later', async () => {
    await encrypt();
    const before = (await usage()).keyLastUsage;
    s.setClock(new Date(Date.now() - day));
    await encrypt();
    expect((await usage()).keyLastUsage).toEqual(before);
  });
});

describe('uses that are collected', () => {
  const use = (keyId: string) => ({
    ...{ account, keyId, operation: 'Encrypt' as const, at: new Date(), eventId: randomUUID(), requestId: '' },
  });

  test('are written one after the other, and again when that failed', async () => {
    const written: string[][] = [];
    let fail: ((error: Error) => void) | undefined;
    const first = new Promise<void>((_resolve, reject) => (fail = reject));
    const uses = keyUses(
      (some) => {
        written.push(some.map(({ keyId: of }) => of));
        return written.length === 1 ? first : Promise.resolve();
      },
      () => undefined,
    );
    uses.note(use('a'));
    const failing = uses.flush();
    await setImmediate();
    uses.note(use('b'));
    const second = uses.flush();
    await setImmediate();
    expect(written).toEqual([['a']]);
    fail?.(new Error('no database'));
    await expect(failing).rejects.toThrow('no database');
    await second;
    expect(written.map((ids) => ids.sort())).toEqual([['a'], ['a', 'b']]);
    await uses.close();
    expect(written).toHaveLength(2);
  });
});

describe('kms:TrailingDaysWithoutKeyUsage', () => {
  const guarded = async () => {
    const policy = JSON.stringify({
      Version: '2012-10-17',
      Statement: [
        { Effect: 'Allow', Principal: { AWS: account }, Action: 'kms:*', Resource: '*' },
        {
          ...{ Effect: 'Deny', Principal: '*', Action: ['kms:DisableKey', 'kms:ScheduleKeyDeletion'], Resource: '*' },
          Condition: { NumericLessThanEquals: { 'kms:TrailingDaysWithoutKeyUsage': '30' } },
        },
      ],
    });
    await s.kms('putKeyPolicy', { keyId, policy });
  };
  const refused = { code: 'AccessDenied', message: expect.stringContaining('with an explicit deny') as string };

  test('keeps a key that was used, however old it is, from being disabled and deleted', async () => {
    await guarded();
    s.setClock(new Date(Date.now() + 40 * day));
    await encrypt();
    s.setClock(new Date(Date.now() + 70 * day));
    await expect(s.kms('disableKey', { keyId })).rejects.toMatchObject(refused);
    await expect(s.kms('scheduleKeyDeletion', { keyId })).rejects.toMatchObject(refused);
    s.setClock(new Date(Date.now() + 72 * day));
    await s.kms('disableKey', { keyId });
    await s.kms('scheduleKeyDeletion', { keyId });
  });

  test('counts from the making of a key that was never used', async () => {
    await guarded();
    await expect(s.kms('disableKey', { keyId })).rejects.toMatchObject(refused);
    s.setClock(new Date(Date.now() + 31 * day));
    await s.kms('disableKey', { keyId });
  });

  test('is whole days, rounded down, never negative', () => {
    const trackedSince = new Date('2026-03-01T12:00:00Z');
    const days = (now: string) => daysWithoutUse({ use: undefined, trackedSince }, new Date(now));
    expect(days('2026-03-31T11:59:59Z')).toBe(29);
    expect(days('2026-03-31T12:00:00Z')).toBe(30);
    expect(days('2026-02-01T00:00:00Z')).toBe(0);
  });
});

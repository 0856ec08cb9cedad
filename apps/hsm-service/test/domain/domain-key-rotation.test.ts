import { expect, test } from 'vitest';
import { domainKeyCommands, rotation, type DomainKeyParts } from '../../src/domain/domain-key-commands.js';
import {
  activated,
  destroyed,
  destructible,
  rotationDue,
  waiting,
  withNext,
  type EpochReport,
} from '../../src/domain/domain-key-rotation.js';
import { DomainKeys, makeDomainKey, type DomainKey } from '../../src/domain/domain-keys.js';
import { RootReports } from '../../src/domain/root-reports.js';
import { decodeState, encodeState, stateOf, type RootState } from '../../src/domain/root-state.js';
import { fingerprint } from '../../src/domain/transfer.js';
import { account, domain, keyId, testHsm } from './hsm.js';

const day = 86_400_000;
const at = (days: number): Date => new Date(days * day);
const coded = (code: string): Error => expect.objectContaining({ code }) as Error;
const made = (epoch: number, days: number): DomainKey => ({
  ...{ epoch, state: 'ACTIVE', createdMs: BigInt(days * day), key: Buffer.alloc(32, epoch) },
});
const states = ({ domainKeys }: RootState): string => domainKeys.map(({ epoch, state }) => `${epoch} ${state}`).join();

test('a new domain key first waits, then takes the place of the active one, which still opens', () => {
  const first = stateOf([made(1, 0)]);
  const next = withNext(first, made(2, 1));
  expect([states(next), waiting(next)]).toEqual(['1 ACTIVE,2 NEXT', 2]);
  expect(() => withNext(next, made(3, 1))).toThrow(coded('Conflict'));
  expect(() => activated(first)).toThrow(coded('Conflict'));
  const active = activated(next);
  expect(states(active)).toBe('1 DECRYPT,2 ACTIVE');
  expect(decodeState(encodeState(next))).toEqual(next);
});

test('rotation is due after the period, and not while a key waits', () => {
  const policy = { periodMs: day, retentionDays: 0 };
  const state = stateOf([made(1, 0)]);
  expect([rotationDue(state, policy, at(0.9)), rotationDue(state, policy, at(1))]).toEqual([false, true]);
  expect(rotationDue(withNext(state, made(2, 1)), policy, at(9))).toBe(false);
  expect(rotationDue(state, { ...policy, periodMs: 0 }, at(999))).toBe(false);
});

test('a domain key is destroyed only when nothing can need it', () => {
  const state = activated(withNext(stateOf([made(1, 0)]), made(2, 10)));
  const policy = { periodMs: day, retentionDays: 3 };
  const none: EpochReport = { epoch: 1, tokens: 0n, closed: true };
  const attempt = (change: Partial<Record<'epoch' | 'days' | 'retention', number>>, report?: EpochReport): RootState =>
    destroyed(
      state,
      change.epoch ?? 1,
      { ...policy, retentionDays: change.retention ?? 3 },
      report,
      at(change.days ?? 13),
    );
  expect(() => attempt({ epoch: 7 }, none)).toThrow(coded('NotFound'));
  expect(() => attempt({ epoch: 2 }, none)).toThrow('is ACTIVE');
  expect(() => attempt({ retention: 0 }, none)).toThrow('kept for ever');
  expect(() => attempt({ days: 12.9 }, none)).toThrow('hours');
  // However short the retention, import tokens of a day are waited for.
  expect(() => attempt({ retention: 1, days: 11.02 }, none)).toThrow('hours');
  expect(() => attempt({})).toThrow('counted');
  expect(() => attempt({}, { ...none, tokens: 1n })).toThrow('1 tokens still need');
  expect(() => attempt({}, { ...none, closed: false })).toThrow('still takes in');
  const gone = attempt({}, none);
  expect([states(gone), gone.domainKeys[0]?.key.length]).toEqual(['1 DESTROYED,2 ACTIVE', 0]);
  expect(decodeState(encodeState(gone))).toEqual(gone);
  expect(destructible(state, policy, new Map([[1, none]]), at(13))).toEqual([1]);
  expect(destructible(state, policy, new Map([[1, { ...none, tokens: 5n }]]), at(13))).toEqual([]);
});

test('a count that is too old destroys nothing', () => {
  let now = 0;
  const reports = new RootReports(() => now);
  expect(reports.fresh.size).toBe(0);
  reports.counted([{ epoch: 1, tokens: 0n, closed: true }]);
  expect(reports.fresh.size).toBe(1);
  now = 10 * 60_000;
  expect([reports.fresh.size, reports.tokens.size]).toEqual([0, 1]);
});

test('tokens of the waiting key open before there is one, and after a rotation those of both do; then rewrapping moves them', async () => {
  const keys = new DomainKeys(domain, [made(1, 0)]);
  const hsm = testHsm(keys);
  const generate = async (): Promise<Uint8Array> =>
    (await hsm.wire.generateKey({ account, keyId, keySpec: 1, keyUsage: 1, generation: 0, multiRegion: false })).token;
  const epoch = (token: Uint8Array): number => Buffer.from(token).readUInt32BE(12);
  const old = await generate();
  const { ciphertextBlob } = await hsm.wire.encrypt({
    ...{ key: { account, keyId, token: old }, plaintext: Buffer.from('x'), encryptionContext: {} },
  });
  keys.load(domain, [made(1, 0), { ...made(2, 1), state: 'NEXT' }]);
  expect(epoch(await generate())).toBe(1);
  const elsewhere = await testHsm(new DomainKeys(domain, [made(2, 1)])).wire.generateKey({
    ...{ account, keyId, keySpec: 1, keyUsage: 1, generation: 0, multiRegion: false },
  });
  const key = { account, keyId, token: elsewhere.token };
  await hsm.wire.encrypt({ key, plaintext: Buffer.from('x'), encryptionContext: {} });
  keys.load(domain, [{ ...made(1, 0), state: 'DECRYPT' }, made(2, 1)]);
  const { token, materialId } = await hsm.wire.rewrap({ key: { account, keyId, token: old } });
  expect([epoch(token), Buffer.from(materialId)]).toEqual([2, Buffer.from(old).subarray(56, 88)]);
  keys.load(domain, [{ epoch: 1, state: 'DESTROYED', createdMs: 0n, key: Buffer.alloc(0) }, made(2, 1)]);
  const opened = await hsm.wire.decrypt({
    key: { account, keyId, token },
    ...{ ciphertextBlob, encryptionContext: {} },
  });
  expect(Buffer.from(opened.plaintext).toString()).toBe('x');
});

test('the transfer certificate that peers have pinned outlives the domain key behind it', async () => {
  const keys = new DomainKeys(domain, [made(1, 0)]);
  const hsm = testHsm(keys);
  const before = fingerprint(await hsm.transfer.certificate());
  const parts: DomainKeyParts = {
    ...{ policy: { periodMs: day, retentionDays: 0 }, reports: new RootReports(() => 0), writer: true },
    ...{ makeKey: makeDomainKey, identity: () => keys.transferIdentity() },
  };
  const next = await rotation(stateOf([made(1, 0)]), parts, at(1));
  const kept = decodeState(encodeState(activated(next)));
  keys.load(domain, kept.domainKeys);
  keys.keepIdentity(kept.transferIdentity);
  expect([keys.activeEpoch, fingerprint(await hsm.transfer.certificate())]).toEqual([2, before]);
  const again = await rotation(kept, parts, at(2));
  expect(again.transferIdentity).toEqual(kept.transferIdentity);
});

test('the commands: a replica refuses them, and a superseded root skips the epochs that are lost', async () => {
  const parts: DomainKeyParts = {
    ...{ policy: { periodMs: day, retentionDays: 3 }, reports: new RootReports(() => 0), writer: true },
    makeKey: makeDomainKey,
    identity: async () => ({ epoch: 1, secret: Buffer.alloc(128) }),
  };
  const draft = { state: stateOf([made(1, 0)]), slots: [] };
  const request = (args: Record<string, string>) => ({
    ...{ args, secret: undefined, device: undefined, now: at(1) },
    ...{ bytes: Buffer.from('command'), signatures: [{ operator: 'ann', signature: Buffer.alloc(64, 5) }] },
  });
  const run = async (name: keyof ReturnType<typeof domainKeyCommands>, args: Record<string, string>, as = parts) =>
    domainKeyCommands(as)[name].edit?.(draft, request(args));
  await expect(run('rotate-domain-key', {}, { ...parts, writer: false })).rejects.toThrow(coded('Conflict'));
  expect(await run('rotate-domain-key', {})).toMatchObject({ outcome: { details: { epoch: '2' } } });
  await expect(run('destroy-domain-key', { epoch: 'x' })).rejects.toThrow(coded('Validation'));
  await expect(run('destroy-domain-key', { epoch: '1' })).rejects.toThrow(coded('Conflict'));
  const hash = '11'.repeat(32);
  const superseded = await run('supersede-root', { generation: '7', hash, epoch: '4' });
  expect(superseded?.draft.state.superseded).toEqual({ generation: 7n, hash: Buffer.from(hash, 'hex') });
  expect(states(superseded?.draft.state as RootState)).toBe('1 ACTIVE,5 NEXT');
  // kms-service gets the command as it was signed.
  const { supersession } = decodeState(encodeState(superseded?.draft.state as RootState));
  expect(supersession).toEqual({
    command: Buffer.from('command'),
    signatures: [{ operator: 'ann', signature: Buffer.alloc(64, 5) }],
  });
  // One that waits, as it does on a root that kms-service refuses, gives way.
  const waits = { ...draft, state: withNext(draft.state, made(6, 1)) };
  const again = await domainKeyCommands(parts)['supersede-root'].edit?.(
    waits,
    request({ generation: '7', hash, epoch: '4' }),
  );
  expect(states(again?.draft.state as RootState)).toBe('1 ACTIVE,7 NEXT');
  await expect(run('supersede-root', { generation: '7', hash: 'ab', epoch: '4' })).rejects.toThrow(coded('Validation'));
});

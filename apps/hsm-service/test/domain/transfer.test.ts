import { beforeAll, describe, expect, test } from 'vitest';
import { bitFlips } from '../vectors.js';
import { account, ring, testHsm, type TestHsm } from './hsm.js';

const keyId = 'mrk-1234abcd12ab34cd56ef1234567890ab';
const coded = (code: string): Error => expect.objectContaining({ code }) as Error;
const elsewhere = Buffer.alloc(16, 9);

/** Two domains whose operators have pinned each other, and one that nobody knows. */
async function domains(): Promise<{ source: TestHsm; target: TestHsm; from: Uint8Array; to: Uint8Array }> {
  const [ours, theirs] = [testHsm(), testHsm(ring(elsewhere))];
  const [a, b] = [await ours.wire.getTransferCertificate({}), await theirs.wire.getTransferCertificate({})];
  const pins = new Set([a, b].map(({ fingerprint }) => Buffer.from(fingerprint).toString('hex')));
  const [source, target] = [testHsm(ring(), 8, pins), testHsm(ring(elsewhere), 8, pins)];
  return { source, target, from: a.certificate, to: b.certificate };
}

describe('a multi-Region key', () => {
  let two: Awaited<ReturnType<typeof domains>>;
  beforeAll(async () => {
    two = await domains();
  });
  const make = async (keySpec: 1 | 5, keyUsage: 1 | 2) =>
    two.source.wire.generateKey({ account, keyId, keySpec, keyUsage, generation: 4, multiRegion: true });
  const key = (token: Uint8Array) => ({ token, account, keyId });
  const take = async (transfer: Uint8Array, change = {}) =>
    two.target.wire.importTransfer({ account, keyId, transfer, sourceCertificate: two.from, ...change });

  test('works in the other domain, with the same material id', async () => {
    const { token, materialId } = await make(1, 1);
    const plaintext = Buffer.from('hello');
    const sealed = await two.source.wire.encrypt({ key: key(token), plaintext, encryptionContext: {} });
    const { transfer } = await two.source.wire.exportForTransfer({ key: key(token), targetCertificate: two.to });
    const taken = await take(transfer);
    expect(Buffer.from(taken.materialId)).toEqual(Buffer.from(materialId));
    const opened = await two.target.wire.decrypt({ key: key(taken.token), ...sealed, encryptionContext: {} });
    expect(Buffer.from(opened.plaintext)).toEqual(plaintext);
    const foreign = async () => two.target.wire.decrypt({ key: key(token), ...sealed, encryptionContext: {} });
    await expect(foreign).rejects.toThrow(coded('InvalidToken'));
  });

  test('takes its public half along', async () => {
    const { token, publicKey } = await make(5, 2);
    const { transfer } = await two.source.wire.exportForTransfer({ key: key(token), targetCertificate: two.to });
    expect(Buffer.from((await take(transfer)).publicKey)).toEqual(Buffer.from(publicKey));
  });

  test('goes to and comes from pinned domains only', async () => {
    const { token } = await make(1, 1);
    const nobody = testHsm(ring(Buffer.alloc(16, 8)));
    const { certificate } = await nobody.wire.getTransferCertificate({});
    const send = two.source.wire.exportForTransfer({ key: key(token), targetCertificate: certificate });
    await expect(send).rejects.toThrow(coded('AccessDenied'));
    const { transfer } = await two.source.wire.exportForTransfer({ key: key(token), targetCertificate: two.to });
    await expect(take(transfer, { sourceCertificate: certificate })).rejects.toThrow(coded('AccessDenied'));
    await expect(take(transfer, { sourceCertificate: two.to })).rejects.toThrow(coded('InvalidToken'));
    for (const flip of bitFlips(two.to)) {
      const attempt = two.source.wire.exportForTransfer({ key: key(token), targetCertificate: flip });
      await expect(attempt).rejects.toThrow(coded('AccessDenied'));
    }
  });

  test(
    'is refused when its transfer was changed, or is for another key, account or domain',
    { timeout: 60_000 },
    async () => {
      const { token } = await make(1, 1);
      const { transfer } = await two.source.wire.exportForTransfer({ key: key(token), targetCertificate: two.to });
      for (const flip of bitFlips(transfer)) {
        await expect(take(flip)).rejects.toThrow(coded('InvalidToken'));
      }
      for (const n of [1, 5, 149, 1749, transfer.length - 1]) {
        await expect(take(transfer.subarray(0, n))).rejects.toThrow(coded('InvalidToken'));
      }
      await expect(take(transfer, { account: '111122223333' })).rejects.toThrow(coded('InvalidToken'));
      const other = { keyId: 'mrk-1234abcd12ab34cd56ef1234567890ac' };
      await expect(take(transfer, other)).rejects.toThrow(coded('InvalidToken'));
      const back = { account, keyId, transfer, sourceCertificate: two.from };
      await expect(two.source.wire.importTransfer(back)).rejects.toThrow(coded('InvalidToken'));
    },
  );

  test('of one Region stays', async () => {
    const single = { account, keyId: '1234abcd-12ab-34cd-56ef-1234567890ab' };
    const wanted = { ...single, keySpec: 1, keyUsage: 1, generation: 0, multiRegion: false } as const;
    const { token } = await two.source.wire.generateKey(wanted);
    const attempt = two.source.wire.exportForTransfer({ key: { ...single, token }, targetCertificate: two.to });
    await expect(attempt).rejects.toThrow(coded('UnsupportedOperation'));
  });
});

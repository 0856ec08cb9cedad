import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { keySpec } from '../../src/domain/key-specs.js';
import { runJob } from '../../src/domain/jobs.js';
import { fixedMaterialBytes, KEY_SPECS } from '../../src/domain/material.js';
import type { KeyReference } from '../../src/domain/vault.js';
import { parseKeyId } from '../../src/domain/identity.js';
import { openToken, parseToken, sealToken } from '../../src/domain/token.js';
import { domain, sealed, testHsm } from './hsm.js';

// Every operation with every token, as every key: only what fits in all of account, key, spec, usage and epoch works.
const hsm = testHsm(undefined, 2_048);
const message = Buffer.alloc(32, 1);
const accounts = ['000000000000', '111122223333'];
const keyIds = ['1234abcd-12ab-34cd-56ef-1234567890ab', 'mrk-1234abcd12ab34cd56ef1234567890ab'];
// Every spec but SM2.
const specs = KEY_SPECS.flatMap((name, index) => (name === 'SM2' ? [] : [index + 1]));
const USAGES = [1, 2, 4, 8, 64];

interface Token {
  readonly account: string;
  readonly keyId: string;
  readonly spec: number;
  readonly usage: number;
  readonly token: Buffer;
}

const materials = new Map(
  specs.map((code) => {
    const length = fixedMaterialBytes(code);
    return [code, length === undefined ? runJob('generateKeyPair', { spec: code }).material : randomBytes(length)];
  }),
);

/** Also tokens of specs and usages that GenerateKey would refuse: their header is what must decide. */
const tokens: Token[] = accounts.flatMap((account) =>
  keyIds.flatMap((keyId) =>
    specs.flatMap((spec) =>
      USAGES.map((usage) => ({ account, keyId, spec, usage, token: seal(account, keyId, spec, usage) })),
    ),
  ),
);

function seal(account: string, keyId: string, spec: number, usage: number): Buffer {
  const id = parseKeyId(keyId);
  if (!id) throw new Error('key id');
  const fields = { ...id, account: BigInt(account), spec, usage, origin: 0, createdMs: 0n, generation: 0 };
  return sealed(fields, materials.get(spec) as Uint8Array, randomBytes(28));
}

type Operation = [name: string, usage: number, fits: (spec: number) => boolean, run: (key: KeyReference) => unknown];

const is =
  (...names: string[]) =>
  (spec: number): boolean =>
    names.includes(KEY_SPECS[spec - 1] as string);
const empty = { encryptionContext: {} };
/** A P-256 key of somebody else's. */
const peer = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ type: 'spki', format: 'der' });
/** An operation that comes as far as judging its input, which is no answer of this key's. */
const refusing = (code: string, run: (key: KeyReference) => unknown) => async (key: KeyReference) => {
  const said = await outcome(() => run(key));
  if (said !== code && said !== 'works') throw Object.assign(new Error(said), { code: said });
};
const sign =
  (signingAlgorithm: number) =>
  (key: KeyReference): unknown =>
    hsm.wire.sign({ key, message, messageType: 1, signingAlgorithm: signingAlgorithm as 1 });
const operations: Operation[] = [
  ['encrypt', 1, is('SYMMETRIC_DEFAULT'), (key) => hsm.wire.encrypt({ key, plaintext: message, ...empty })],
  [
    'data key',
    1,
    is('SYMMETRIC_DEFAULT'),
    (key) => hsm.wire.generateDataKey({ key, numberOfBytes: 32, ...empty, withoutPlaintext: false }),
  ],
  [
    'OAEP',
    1,
    is('RSA_2048', 'RSA_3072', 'RSA_4096'),
    (key) => hsm.wire.encrypt({ key, plaintext: message, ...empty, encryptionAlgorithm: 3 }),
  ],
  ['ECDSA 256', 2, is('ECC_NIST_P256', 'ECC_SECG_P256K1'), sign(7)],
  ['ECDSA 384', 2, is('ECC_NIST_P384'), sign(8)],
  ['ECDSA 512', 2, is('ECC_NIST_P521'), sign(9)],
  ['Ed25519', 2, is('ECC_NIST_EDWARDS25519'), sign(12)],
  ['PSS', 2, is('RSA_2048', 'RSA_3072', 'RSA_4096'), sign(1)],
  ['PKCS #1 v1.5', 2, is('RSA_2048', 'RSA_3072', 'RSA_4096'), sign(6)],
  ['ML-DSA', 2, is('ML_DSA_44', 'ML_DSA_65', 'ML_DSA_87'), sign(11)],
  [
    'decrypt',
    1,
    is('SYMMETRIC_DEFAULT'),
    refusing('InvalidCiphertext', (key) => hsm.wire.decrypt({ key, ciphertextBlob: Buffer.alloc(108, 1), ...empty })),
  ],
  [
    'OAEP decrypt',
    1,
    is('RSA_2048', 'RSA_3072', 'RSA_4096'),
    refusing('InvalidCiphertext', (key) =>
      hsm.wire.decrypt({ key, ciphertextBlob: Buffer.alloc(256, 1), ...empty, encryptionAlgorithm: 3 }),
    ),
  ],
  [
    'verify',
    2,
    is('ECC_NIST_P256', 'ECC_SECG_P256K1'),
    refusing('KmsInvalidSignature', (key) =>
      hsm.wire.verify({ key, message, messageType: 1, signature: Buffer.alloc(70, 1), signingAlgorithm: 7 }),
    ),
  ],
  [
    'verify MAC',
    4,
    is('HMAC_256'),
    refusing('KmsInvalidMac', (key) => hsm.wire.verifyMac({ key, message, mac: Buffer.alloc(32), macAlgorithm: 2 })),
  ],
  [
    'ECDH',
    8,
    is('ECC_NIST_P256', 'ECC_NIST_P384', 'ECC_NIST_P521'),
    refusing('Validation', (key) => hsm.wire.deriveSharedSecret({ key, publicKey: peer })),
  ],
  ...([224, 256, 384, 512] as const).map((bits, index): Operation => [
    ...([`HMAC ${bits}`, 4, is(`HMAC_${bits}`)] as const),
    (key: KeyReference) => hsm.wire.generateMac({ key, message, macAlgorithm: (index + 1) as 1 }),
  ]),
  ['encapsulate', 64, is('ML_KEM_512', 'ML_KEM_768', 'ML_KEM_1024'), (key) => hsm.wire.encapsulate({ key })],
  [
    'decapsulate',
    64,
    is('ML_KEM_512', 'ML_KEM_768', 'ML_KEM_1024'),
    refusing('InvalidCiphertext', (key) => hsm.wire.decapsulate({ key, ciphertextBlob: Buffer.alloc(768, 1) })),
  ],
];

async function outcome(run: () => unknown): Promise<string> {
  try {
    await run();
    return 'works';
  } catch (error) {
    return (error as { code?: string }).code ?? String(error);
  }
}

test.each(operations)('%s', async (_, usage, fits, run) => {
  for (const account of accounts) {
    for (const keyId of keyIds) {
      for (const theirs of tokens) {
        const same = theirs.account === account && theirs.keyId === keyId;
        const usable = theirs.usage === usage && fits(theirs.spec);
        const expected = same ? (usable ? 'works' : 'InvalidKeyUsage') : 'InvalidToken';
        const said = await outcome(() => run({ token: theirs.token, account, keyId }));
        expect(`${keySpec(theirs.spec).name} ${theirs.usage} ${said}`).toBe(
          `${keySpec(theirs.spec).name} ${theirs.usage} ${expected}`,
        );
      }
    }
  }
});

test('every other epoch in a token is refused, whatever the spec', async () => {
  for (const { account, keyId, token } of tokens) {
    for (const epoch of [0, 1, 2, 4]) {
      const moved = Buffer.from(token);
      moved.writeUInt32BE(epoch, 12);
      // Another replica may have heard of an epoch after ours.
      const code = epoch > 3 ? 'RootBehind' : 'InvalidToken';
      expect(await outcome(() => hsm.wire.rewrap({ key: { token: moved, account, keyId } }))).toBe(code);
    }
  }
});

// Sealed under two epochs, everything else alike: what is authenticated must hold every field to every other.
test('a header over the sealed part of any other token is refused', () => {
  const header = 104;
  const pieces = [2, 3].flatMap((epoch) =>
    accounts.flatMap((account) =>
      keyIds.flatMap((keyId) =>
        [1, 5, 11, 12].flatMap((spec) =>
          USAGES.map((usage) => ({
            name: `${epoch} ${account} ${keyId} ${spec} ${usage}`,
            epoch,
            account,
            keyId,
            spec,
            usage,
          })),
        ),
      ),
    ),
  );
  const made = pieces.map(({ name, epoch, account, keyId, spec, usage }) => {
    const id = parseKeyId(keyId);
    if (!id) throw new Error('key id');
    const fields = { ...id, account: BigInt(account), spec, usage, origin: 0, createdMs: 0n, generation: 0 };
    // The same bytes in each, so that only the header can tell them apart.
    const material = Buffer.alloc(fixedMaterialBytes(spec) ?? 32, 7);
    const token = sealToken(Buffer.alloc(32, epoch), { ...fields, domain, epoch }, material, randomBytes(28));
    return { name, epoch, token };
  });
  let refused = 0;
  for (const of of made) {
    for (const other of made) {
      if (of === other) continue;
      const spliced = Buffer.concat([of.token.subarray(0, header), other.token.subarray(header)]);
      expect(() => openToken(Buffer.alloc(32, of.epoch), parseToken(spliced)), `${of.name} | ${other.name}`).toThrow(
        expect.objectContaining({ code: 'InvalidToken' }) as Error,
      );
      refused++;
    }
  }
  expect(refused).toBe(made.length * (made.length - 1));
});

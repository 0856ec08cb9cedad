// Packs what the tests need of Wycheproof's vectors into vectors/wycheproof/hsm.json.br:
//   node apps/hsm-service/test/wycheproof/pack.mjs "$(go list -m -f '{{.Dir}}' github.com/c2sp/wycheproof)/testvectors_v1"
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, constants } from 'node:zlib';

const [folder] = process.argv.slice(2);

// Which fields of groups and tests are kept. `name#` keeps the SHA-256 of the bytes, for values that are only compared.
const kinds = {
  aead: { group: ['ivSize', 'keySize', 'tagSize'], test: ['key', 'iv', 'aad', 'msg', 'ct', 'tag'] },
  wrap: { group: ['keySize'], test: ['key', 'msg', 'ct'] },
  ecdsa: { group: ['publicKeyDer'], test: ['msg', 'sig'] },
  ecdh: { group: [], test: ['public', 'private', 'shared'] },
  eddsa: { group: ['publicKeyDer'], test: ['msg', 'sig'] },
  mac: { group: ['keySize', 'tagSize'], test: ['key', 'msg', 'tag'] },
  oaep: { group: ['privateKeyPkcs8'], test: ['msg', 'ct', 'label'] },
  rsa: { group: ['publicKeyDer'], test: ['msg', 'sig'] },
  dsaVerify: { group: ['publicKeyDer'], test: ['msg', 'ctx', 'sig'] },
  dsaKey: { group: ['privateSeed', 'publicKey#'], test: [] },
  kem: { group: [], test: ['seed', 'ek#', 'c', 'K'] },
  kemKey: { group: [], test: ['seed', 'ek#'] },
};

const files = {
  aead: ['aes_gcm', 'aes_gcm_siv'],
  wrap: ['aes_kwp'],
  ecdsa: ['secp256r1_sha256', 'secp384r1_sha384', 'secp521r1_sha512', 'secp256k1_sha256'].map(
    (name) => `ecdsa_${name}`,
  ),
  ecdh: ['ecdh_secp256r1', 'ecdh_secp384r1', 'ecdh_secp521r1'],
  eddsa: ['ed25519'],
  mac: ['hmac_sha224', 'hmac_sha256', 'hmac_sha384', 'hmac_sha512'],
  oaep: ['2048_sha1_mgf1sha1', '2048_sha256_mgf1sha256', '3072_sha256_mgf1sha256', '4096_sha256_mgf1sha256'].map(
    (name) => `rsa_oaep_${name}`,
  ),
  rsa: [
    ...['2048_sha256_mgf1_32', '2048_sha384_mgf1_48', '3072_sha256_mgf1_32', '4096_sha256_mgf1_32'],
    ...['4096_sha384_mgf1_48', '4096_sha512_mgf1_64'],
  ]
    .map((name) => `rsa_pss_${name}`)
    .concat(
      ['2048_sha256', '2048_sha384', '2048_sha512', '3072_sha384', '4096_sha512'].map(
        (name) => `rsa_signature_${name}`,
      ),
    ),
  dsaVerify: ['mldsa_44_verify', 'mldsa_65_verify', 'mldsa_87_verify'],
  dsaKey: ['mldsa_44_sign_seed', 'mldsa_65_sign_seed', 'mldsa_87_sign_seed'],
  kem: ['mlkem_512', 'mlkem_768', 'mlkem_1024'],
  kemKey: ['mlkem_512_keygen_seed', 'mlkem_768_keygen_seed', 'mlkem_1024_keygen_seed'],
};

const pick = (from, fields) =>
  Object.fromEntries(
    fields.map((field) => {
      const value = from[field.replace('#', '')];
      if (!field.endsWith('#') || typeof value !== 'string') return [field.replace('#', ''), value];
      return [field.replace('#', ''), createHash('sha256').update(Buffer.from(value, 'hex')).digest('hex')];
    }),
  );

// Of vectors that differ only in random bytes, a few of each sort: signatures and capsules do not compress.
const FEW = 6;
const many = /^(mldsa_(65|87)_verify|mlkem_(768|1024))$/;
const thinned = (name, tests) => {
  if (!many.test(name)) return tests;
  const counts = new Map();
  return tests.filter(({ flags, result }) => {
    const sort = `${flags} ${result}`;
    counts.set(sort, (counts.get(sort) ?? 0) + 1);
    return counts.get(sort) <= FEW;
  });
};

const pack = (name, kind) => {
  const { testGroups } = JSON.parse(readFileSync(join(folder, `${name}_test.json`), 'utf8'));
  const groups = testGroups.map((group) => ({
    ...pick(group, kinds[kind].group),
    tests: thinned(name, group.tests).map((t) => ({
      tcId: t.tcId,
      flags: t.flags,
      ...pick(t, kinds[kind].test),
      result: t.result,
    })),
  }));
  return [name, groups];
};

const all = Object.fromEntries(Object.entries(files).flatMap(([kind, names]) => names.map((name) => pack(name, kind))));
const json = Buffer.from(JSON.stringify(all));
const params = { [constants.BROTLI_PARAM_LGWIN]: 24, [constants.BROTLI_PARAM_QUALITY]: 11 };
const packed = brotliCompressSync(json, { params: { ...params, [constants.BROTLI_PARAM_SIZE_HINT]: json.length } });
writeFileSync(new URL('../../../../vectors/wycheproof/hsm.json.br', import.meta.url), packed);
console.log(`${json.length} bytes, packed ${packed.length}`);

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { KEY_SPECS } from '../../src/domain/material.js';
import { account, keyId, testHsm } from './hsm.js';

const hsm = testHsm();
const folder = mkdtempSync(join(tmpdir(), 'keystead-openssl-'));
afterAll(() => rmSync(folder, { recursive: true }));

const message = Buffer.from('the message');
const file = (name: string, bytes?: Uint8Array): string => {
  const path = join(folder, name);
  if (bytes) writeFileSync(path, bytes);
  return path;
};

// Of the machine, not of npm.
const program = ['openssl'].join('');

function openssl(...args: string[]): string {
  return execFileSync(program, args, { encoding: 'utf8', stdio: 'pipe' });
}

const isThere = ((): boolean => {
  try {
    return openssl('version').startsWith('OpenSSL 3');
  } catch {
    return false;
  }
})();
async function make(spec: string, keyUsage: number) {
  const keySpec = (KEY_SPECS.indexOf(spec as (typeof KEY_SPECS)[number]) + 1) as 1;
  const wanted = { account, keyId, keySpec, keyUsage: keyUsage as 1, generation: 0, multiRegion: false };
  const { token, publicKey } = await hsm.wire.generateKey(wanted);
  return { token, account, keyId, publicKey: file('public.der', publicKey) };
}

// Skipped where there is no openssl command of version 3.
describe.skipIf(!isThere)('the openssl command', () => {
  test.each([
    ['ECC_NIST_P256', 7, 'sha256', 2],
    ['ECC_NIST_P384', 8, 'sha384', 2],
    ['ECC_NIST_P521', 9, 'sha512', 2],
    ['ECC_SECG_P256K1', 7, 'sha256', 2],
    ['RSA_2048', 4, 'sha256', 2],
    ['RSA_2048', 1, 'sha256', 2],
    ['RSA_2048', 3, 'sha512', 2],
  ])('verifies what %s signs with algorithm %i', async (spec, signingAlgorithm, hash, messageType) => {
    const { publicKey, ...key } = await make(spec, 2);
    const digest = createHash(hash).update(message).digest();
    const request = { key, message: digest, messageType: messageType as 2, signingAlgorithm: signingAlgorithm as 1 };
    const { signature } = await hsm.wire.sign(request);
    const pss = spec.startsWith('RSA') && signingAlgorithm <= 3;
    const padding = pss ? ['-sigopt', 'rsa_padding_mode:pss', '-sigopt', 'rsa_pss_saltlen:digest'] : [];
    const [input, sig] = [file('message', message), file('signature', signature)];
    const said = openssl(
      'dgst',
      `-${hash}`,
      '-verify',
      publicKey,
      '-keyform',
      'DER',
      ...padding,
      '-signature',
      sig,
      input,
    );
    expect(said).toContain('Verified OK');
  });

  test.each([
    [2, 'sha1'],
    [3, 'sha256'],
  ])('encrypts what RSA decrypts with algorithm %i', async (encryptionAlgorithm, hash) => {
    const { publicKey, ...key } = await make('RSA_2048', 1);
    const [input, output] = [file('message', message), file('ciphertext')];
    const options = ['rsa_padding_mode:oaep', `rsa_oaep_md:${hash}`, `rsa_mgf1_md:${hash}`].flatMap((o) => [
      '-pkeyopt',
      o,
    ]);
    openssl(
      'pkeyutl',
      '-encrypt',
      '-pubin',
      '-inkey',
      publicKey,
      '-keyform',
      'DER',
      ...options,
      '-in',
      input,
      '-out',
      output,
    );
    const request = { key, encryptionContext: {}, encryptionAlgorithm: encryptionAlgorithm as 2 };
    const { plaintext } = await hsm.wire.decrypt({ ...request, ciphertextBlob: readFileSync(output) });
    expect(Buffer.from(plaintext)).toEqual(message);
  });

  test.each(['RSA_2048', 'ECC_NIST_P256', 'ECC_NIST_P521', 'ECC_SECG_P256K1', 'ECC_NIST_EDWARDS25519'])(
    'reads the private half of a data key pair of %s',
    async (spec) => {
      const { token } = await make('SYMMETRIC_DEFAULT', 1);
      const key = { token, account, keyId };
      const keyPairSpec = (KEY_SPECS.indexOf(spec as (typeof KEY_SPECS)[number]) + 1) as 2;
      const pair = await hsm.wire.generateDataKeyPair({
        key,
        keyPairSpec,
        encryptionContext: {},
        withoutPlaintext: false,
      });
      const output = file('derived.der');
      const input = file('private.der', pair.privateKeyPlaintext);
      openssl('pkey', '-inform', 'DER', '-in', input, '-pubout', '-outform', 'DER', '-out', output);
      expect(readFileSync(output).equals(pair.publicKey)).toBe(true);
    },
  );
});

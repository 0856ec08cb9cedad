import { CreateKeyRequest, GenerateDataKeyPairRequest } from '@keystead/proto/kms';
import { expect, test } from 'vitest';
import { isSlow } from '../src/grpc/service.js';

test.each([
  [{}, false],
  [{ keySpec: 'SYMMETRIC_DEFAULT' }, false],
  [{ keySpec: 'ECC_NIST_P256' }, false],
  [{ keySpec: 'ML_DSA_87' }, false],
  [{ keySpec: 'RSA_2048' }, true],
  [{ customerMasterKeySpec: 'RSA_4096' }, true],
])('CreateKey of %j waits among the slow: %s', (asked, slow) => {
  expect(isSlow({ $case: 'createKey', value: CreateKeyRequest.fromPartial(asked) })).toBe(slow);
});

test.each([
  ['ECC_NIST_P256', false],
  ['RSA_4096', true],
])('a data key pair of %s: %s', (keyPairSpec, slow) => {
  const value = GenerateDataKeyPairRequest.fromPartial({ keyPairSpec });
  expect(isSlow({ $case: 'generateDataKeyPair', value })).toBe(slow);
  expect(isSlow({ $case: 'generateDataKeyPairWithoutPlaintext', value })).toBe(slow);
});

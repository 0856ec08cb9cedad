import { expect, test } from 'vitest';
import { EncryptRequest } from '../src/kms.js';

test('no key of an encryption context is lost, whatever its name', () => {
  const encryptionContext = JSON.parse('{"__proto__":"a","constructor":"b","x":"c"}') as Record<string, string>;
  const sent = EncryptRequest.encode(EncryptRequest.fromPartial({ keyId: 'k', encryptionContext })).finish();
  expect(Object.entries(EncryptRequest.decode(sent).encryptionContext).sort()).toEqual([
    ['__proto__', 'a'],
    ['constructor', 'b'],
    ['x', 'c'],
  ]);
});

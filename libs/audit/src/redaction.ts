/**
 * Members that never reach a log, whatever the operation: plaintext, ciphertext, imported material, private keys,
 * messages, MACs and signatures (CloudTrail leaves them out), and every credential.
 */
const hidden = new Set(
  [
    ...['plaintext', 'ciphertext', 'ciphertextBlob', 'ciphertextForRecipient', 'privateKeyPlaintext'],
    ...['privateKeyCiphertextBlob', 'message', 'signature', 'mac', 'sharedSecret', 'attestationDocument'],
    ...['keyMaterial', 'encryptedKeyMaterial', 'importToken', 'grantToken', 'grantTokens', 'keyStorePassword'],
    ...['secretAccessKey', 'rawSecretAccessKey', 'sessionToken', 'securityToken', 'password', 'oldPassword'],
    ...['newPassword', 'samlAssertion', 'webIdentityToken', 'tokenCode', 'sseCustomerKey', 'copySourceSSECustomerKey'],
    ...['x-amz-server-side-encryption-customer-key', 'x-amz-copy-source-server-side-encryption-customer-key'],
    ...['authorization', 'x-amz-security-token', 'x-amz-signature'],
  ].map((name) => name.toLowerCase()),
);

/** Maps whose keys are the caller's own words: nothing in them is hidden (an encryption context is logged as given). */
const userMaps = new Set([
  ...['encryptionContext', 'sourceEncryptionContext', 'destinationEncryptionContext'],
  ...['encryptionContextEquals', 'encryptionContextSubset', 'tags'],
]);

const seen = new Map<string, boolean>();

/** True when a member of this name must be left out of a record. */
export function isHidden(name: string): boolean {
  const known = seen.get(name);
  if (known !== undefined) return known;
  const answer = hidden.has(name.toLowerCase());
  if (seen.size < 1000) seen.set(name, answer);
  return answer;
}

/** True when the member of this name holds a map of the caller's own words. */
export function isUserMap(name: string): boolean {
  return userMaps.has(name);
}

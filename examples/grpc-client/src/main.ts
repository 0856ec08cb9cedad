// Envelope encryption over gRPC: a data key from Keystead, the data encrypted here.
//
//   node dist/cli/main.mjs client-cert --principal arn:aws:iam::000000000000:user/administrator --out client-cert
//   npx tsx --conditions=@keystead/source examples/grpc-client/src/main.ts
//
// KEYSTEAD_KMS (127.0.0.1:4568) and KEYSTEAD_CLIENT_CERT (client-cert) name another endpoint and certificate.
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { createKmsClient, KeysteadError } from '@keystead/client';

using kms = createKmsClient({
  endpoint: process.env['KEYSTEAD_KMS'] ?? '127.0.0.1:4568',
  tls: process.env['KEYSTEAD_CLIENT_CERT'] ?? 'client-cert',
});

const { keyMetadata } = await kms.createKey({ description: 'example' });
const keyId = keyMetadata?.arn ?? '';
console.log(`made ${keyId}`);

const encryptionContext = { document: 'example-1' };
const dataKey = await kms.generateDataKey({ keyId, keySpec: 'AES_256', encryptionContext });
const iv = randomBytes(12);
const cipher = createCipheriv('aes-256-gcm', dataKey.plaintext, iv);
const sealed = Buffer.concat([cipher.update('a document of any size', 'utf8'), cipher.final()]);
const tag = cipher.getAuthTag();
dataKey.plaintext.fill(0);
console.log(
  `sealed ${sealed.length} bytes; the wrapped data key (${dataKey.ciphertextBlob.length} bytes) is kept beside them`,
);

const unwrapped = await kms.decrypt({ ciphertextBlob: dataKey.ciphertextBlob, encryptionContext });
const decipher = createDecipheriv('aes-256-gcm', unwrapped.plaintext, iv, { authTagLength: 16 }).setAuthTag(tag);
console.log(`opened: ${Buffer.concat([decipher.update(sealed), decipher.final()]).toString()}`);

try {
  await kms.decrypt({ ciphertextBlob: dataKey.ciphertextBlob, encryptionContext: { document: 'example-2' } });
} catch (error) {
  if (!(error instanceof KeysteadError)) throw error;
  console.log(`another context: ${error.name}`);
}
await kms.scheduleKeyDeletion({ keyId, pendingWindowInDays: 7 });

import { DecryptCommand, EncryptCommand, KMSClient } from '@aws-sdk/client-kms';

// Calls without a pause, from a process of its own: the scan holds up the one it runs in. Says after each how many were
// answered. KEY_ID is encrypted under, or CIPHERTEXT (base64) decrypted.
const { AWS_ENDPOINT_URL, KEY_ID, CIPHERTEXT, CALLERS } = process.env;
const kms = new KMSClient({ endpoint: AWS_ENDPOINT_URL });
const command = () =>
  CIPHERTEXT === undefined
    ? new EncryptCommand({ KeyId: KEY_ID, Plaintext: Buffer.from('no secret') })
    : new DecryptCommand({ CiphertextBlob: Buffer.from(CIPHERTEXT, 'base64') });

async function caller() {
  for (;;) {
    await kms.send(command());
    process.stdout.write('.');
  }
}

await Promise.all(Array.from({ length: Number(CALLERS) }, caller));

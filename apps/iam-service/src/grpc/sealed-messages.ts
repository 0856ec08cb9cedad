import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { hasCode, KeysteadError } from '@keystead/errors';
import type { SecretKeeper } from './secret-keeper.js';

/** What kms-service encrypts at once. */
const mostSealed = 4_096;
const mostOpened = 1 << 20;

// Part of the encryption context: a message opens in its own account only, and is never taken for a secret.
const nameOf = (account: string): string => `authorization-message/${account}`;

/** Seals a message for administrators of an account; undefined when it is too long or cannot be sealed now. */
export async function sealMessage(secrets: SecretKeeper, account: string, text: string): Promise<string | undefined> {
  const packed = deflateRawSync(text);
  if (packed.length > mostSealed) return undefined;
  try {
    return Buffer.from(await secrets.wrap(nameOf(account), packed)).toString('base64url');
  } catch (error) {
    // A refusal does not fail for want of its explanation.
    if (error instanceof KeysteadError) return undefined;
    throw error;
  }
}

/** Opens a message of this account. Errors: InvalidAuthorizationMessage. */
export async function openMessage(secrets: SecretKeeper, account: string, sealed: string): Promise<string> {
  const bytes = Buffer.from(sealed, 'base64url');
  if (bytes.length === 0 || bytes.toString('base64url') !== sealed) throw invalid();
  try {
    const packed = await secrets.unwrap(nameOf(account), bytes);
    return inflateRawSync(packed, { maxOutputLength: mostOpened }).toString();
  } catch (error) {
    // Whatever kms-service or the decompressor says of bytes that are no message.
    const isMessage =
      error instanceof KeysteadError && !hasCode(error, 'InvalidCiphertext', 'Validation', 'IncorrectKey');
    throw isMessage ? error : invalid();
  }
}

const invalid = (): KeysteadError => new KeysteadError('InvalidAuthorizationMessage', 'Message is not valid');

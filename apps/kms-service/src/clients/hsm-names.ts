import {
  EncryptionAlgorithm,
  KeySpec,
  KeyUsage,
  MacAlgorithm,
  MessageType,
  SigningAlgorithm,
  WrappingAlgorithm,
} from '@keystead/proto/hsm';
import { KeysteadError } from '@keystead/errors';

/** Translates AWS's names, which kms-service keeps and shows, to the numbers of the HSM's contract. */
function names<E extends Record<string, string | number>>(prefix: string, values: E) {
  return (name: string): Extract<E[keyof E], number> => {
    const value = values[`${prefix}_${name}`];
    // A name that was validated against AWS's model and is not in the contract: ours to repair.
    if (typeof value !== 'number') throw new KeysteadError('Internal', `The HSM knows no ${prefix} ${name}.`);
    return value as Extract<E[keyof E], number>;
  };
}

export const keySpec = names('KEY_SPEC', KeySpec);
export const keyUsage = names('KEY_USAGE', KeyUsage);
export const encryptionAlgorithm = names('ENCRYPTION_ALGORITHM', EncryptionAlgorithm);
export const signingAlgorithm = names('SIGNING_ALGORITHM', SigningAlgorithm);
export const messageType = names('MESSAGE_TYPE', MessageType);
export const macAlgorithm = names('MAC_ALGORITHM', MacAlgorithm);
export const wrappingAlgorithm = names('WRAPPING_ALGORITHM', WrappingAlgorithm);

import { KeysteadError } from '@keystead/errors';

/** The length of a data key in bytes: exactly one of the two must be given. Errors: Validation. */
export function dataKeyLength({
  keySpec,
  numberOfBytes,
}: {
  keySpec?: string | undefined;
  numberOfBytes?: number | undefined;
}): number {
  if ((keySpec === undefined) === (numberOfBytes === undefined)) {
    throw new KeysteadError('Validation', 'Please specify either number of bytes or key spec.');
  }
  return numberOfBytes ?? (keySpec === 'AES_128' ? 16 : 32);
}

/** A dry run that passed every check. */
export function dryRunSucceeded(): KeysteadError {
  return new KeysteadError('DryRunOperation', 'The request would have succeeded, but the DryRun option is set.');
}

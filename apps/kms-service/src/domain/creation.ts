import { KeysteadError } from '@keystead/errors';
import { symmetric } from './key.js';
import { algorithmsOf, isImportable } from './key-spec.js';

/** What CreateKey was asked to make. */
export interface Wanted {
  readonly keySpec?: string | undefined;
  readonly customerMasterKeySpec?: string | undefined;
  readonly keyUsage?: string | undefined;
  readonly origin?: string | undefined;
  readonly multiRegion?: boolean | undefined;
  readonly customKeyStoreId?: string | undefined;
  readonly xksKeyId?: string | undefined;
}

/** A key that can be made. */
export interface Kind {
  readonly spec: string;
  readonly usage: string;
  readonly origin: string;
  readonly multiRegion: boolean;
}

/** The kind of key to make. Errors: UnsupportedOperation for what AWS has and we have not yet, Validation for what nobody has. */
export function wantedKind(wanted: Wanted): Kind {
  const spec = wantedSpec(wanted);
  const usage = wantedUsage(spec, wanted.keyUsage);
  const origin = wanted.origin ?? 'AWS_KMS';
  if (!algorithmsOf(spec, usage))
    throw new KeysteadError('Validation', `KeyUsage ${usage} is not compatible with KeySpec ${spec}`);
  if (spec === 'SM2') throw unsupported('KeySpec SM2 is supported in China Regions only.');
  if (origin === 'EXTERNAL' && !isImportable(spec))
    throw unsupported(`Origin EXTERNAL is not supported for KeySpec ${spec}.`);
  if (origin !== 'AWS_KMS' && origin !== 'EXTERNAL') throw unsupported(`Origin ${origin} is not offered yet.`);
  if (wanted.multiRegion === true) throw unsupported('Multi-Region keys are not offered yet.');
  if (wanted.customKeyStoreId !== undefined) throw unsupported('Custom key stores are not offered yet.');
  if (wanted.xksKeyId !== undefined) throw unsupported('External key stores are not offered yet.');
  return { spec, usage, origin, multiRegion: false };
}

function wantedSpec({ keySpec, customerMasterKeySpec }: Wanted): string {
  if (keySpec !== undefined && customerMasterKeySpec !== undefined) {
    throw new KeysteadError(
      'Validation',
      'You cannot specify KeySpec and CustomerMasterKeySpec in the same request. CustomerMasterKeySpec is deprecated.',
    );
  }
  return keySpec ?? customerMasterKeySpec ?? symmetric;
}

function wantedUsage(spec: string, keyUsage: string | undefined): string {
  if (keyUsage !== undefined) return keyUsage;
  if (spec === symmetric) return 'ENCRYPT_DECRYPT';
  throw new KeysteadError(
    'Validation',
    'You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys.',
  );
}

function unsupported(message: string): KeysteadError {
  return new KeysteadError('UnsupportedOperation', message);
}

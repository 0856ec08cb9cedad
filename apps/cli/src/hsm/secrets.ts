import { readFileSync } from 'node:fs';
import type { RootSecret } from '@keystead/proto/hsm';
import type { Command } from 'commander';
import { Failure } from '../failure.js';

/** What opens a root, by files. */
export interface SecretOptions {
  readonly keyFile?: string;
  readonly passphraseFile?: string;
  readonly shareFile?: readonly string[];
  readonly device?: boolean;
}

/** Adds the options that name what opens a root. */
export function withSecrets(command: Command): Command {
  return command
    .option('--key-file <file>', 'a key file of 32 bytes')
    .option('--passphrase-file <file>', 'a passphrase in one line')
    .option('--share-file <file...>', 'a share as it was printed, in a file each')
    .option('--device', 'the PKCS#11 device that hsm-service is configured with');
}

/** The secrets that files hold; none if no file is named. Throws Failure. */
export function secretsOf({
  keyFile: keyFileName,
  passphraseFile,
  shareFile = [],
  device = false,
}: SecretOptions): RootSecret[] {
  const files = [keyFileName, passphraseFile, ...shareFile].filter((file) => file !== undefined);
  if (shareFile.length === 0 && files.length > 1) throw new Failure('Give --key-file or --passphrase-file, not both.');
  if (shareFile.length > 0 && files.length > shareFile.length)
    throw new Failure('Give either shares or another secret.');
  if (device && files.length > 0) throw new Failure('Give --device or another secret, not both.');
  if (device) return [byDevice];
  if (keyFileName !== undefined) return [keyFile(keyFileName)];
  if (passphraseFile !== undefined) return [passphrase(lineOf(read(passphraseFile)))];
  return shareFile.map((file) => share(shareIn(read(file).toString('latin1'), file)));
}

/** The device of hsm-service: no secret of ours. */
export const byDevice: RootSecret = { secret: { $case: 'device', value: true } };

/** The bytes of a key file as a secret. Throws Failure. */
export function keyFile(name: string): RootSecret {
  return { secret: { $case: 'keyFile', value: read(name) } };
}

/** A passphrase as a secret. */
export function passphrase(value: Buffer): RootSecret {
  return { secret: { $case: 'passphrase', value } };
}

/** A typed share as a secret. */
export function share(line: string): RootSecret {
  return { secret: { $case: 'share', value: Buffer.from(line, 'latin1') } };
}

/** A share on paper: what it is for, and 72 characters in groups of four. */
export function printedShare(line: Uint8Array, about: string): string {
  const groups =
    Buffer.from(line)
      .toString('latin1')
      .toUpperCase()
      .match(/.{1,4}/g) ?? [];
  return `# ${about}\n${groups.slice(0, 9).join(' ')}\n${groups.slice(9).join(' ')}\n`;
}

/** The characters of a printed share: lines that begin with # say what it is for. */
function shareIn(text: string, file: string): string {
  const line = text
    .split('\n')
    .filter((row) => !row.startsWith('#'))
    .join('')
    .replace(/\s/g, '');
  if (line === '') throw new Failure(`${file} holds no share.`);
  return line;
}

function lineOf(bytes: Buffer): Buffer {
  let end = bytes.length;
  while (end > 0 && (bytes[end - 1] === 0x0a || bytes[end - 1] === 0x0d)) end--;
  return bytes.subarray(0, end);
}

function read(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new Failure(`${file} cannot be read: ${(error as Error).message}`);
  }
}

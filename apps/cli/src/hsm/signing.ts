import { createPrivateKey, createPublicKey, generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import type { CommandSignature } from '@keystead/proto/hsm';
import { Failure } from '../failure.js';

// As in hsm-service: a signature over something else is none over a command.
const prefix = Buffer.from('keystead/v1/command\0', 'latin1');

/** A command as its file holds it. */
export interface PreparedCommand {
  readonly cmd: string;
  readonly args: Readonly<Record<string, string>>;
  readonly domain: string;
  readonly generation: string;
  readonly nonce: string;
  readonly exp: string;
}

/** Reads a command that `prepareCommand` wrote. Throws Failure. */
export function readCommand(file: string): { bytes: Buffer; command: PreparedCommand } {
  const bytes = read(file);
  try {
    const command = JSON.parse(bytes.toString('utf8')) as PreparedCommand;
    if (typeof command.cmd === 'string' && typeof command.exp === 'string') return { bytes, command };
  } catch {
    // Said below.
  }
  throw new Failure(`${file} is not a command that was prepared by keystead hsm.`);
}

/** What a command says, for whoever signs it. */
export function explained({ cmd, args, domain, generation, exp }: PreparedCommand): string {
  const values = Object.entries(args).map(([name, value]) => `\n    ${name.padEnd(10)} ${value}`);
  return `  command      ${cmd}${values.join('')}\n  domain       ${domain}\n  generation   ${generation}\n  valid until  ${exp}`;
}

/** An operator's signature of a command. */
export function signCommand(command: Buffer, operator: string, keyFile: string): string {
  const signature = sign(null, Buffer.concat([prefix, command]), privateKeyIn(keyFile)).toString('base64');
  return `${JSON.stringify({ operator, signature })}\n`;
}

/** Reads what `signCommand` wrote. Throws Failure. */
export function readSignature(file: string): CommandSignature {
  try {
    const { operator, signature } = JSON.parse(read(file).toString('utf8')) as Record<string, unknown>;
    if (typeof operator === 'string' && typeof signature === 'string')
      return { operator, signature: Buffer.from(signature, 'base64') };
  } catch {
    // Said below.
  }
  throw new Failure(`${file} is not a signature of keystead hsm sign.`);
}

/** Makes an operator's key: the private half of mode 0600, the public half beside it. Never over another file. */
export function makeOperatorKey(file: string): void {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  try {
    writeFileSync(file, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600, flag: 'wx' });
    writeFileSync(`${file}.pub`, publicKey.export({ type: 'spki', format: 'pem' }), { flag: 'wx' });
  } catch (error) {
    throw new Failure(`The key was not written: ${(error as Error).message}`);
  }
}

/** The 32 bytes of a public key in a PEM file, in hex. Throws Failure. */
export function publicKeyIn(file: string): string {
  const key = ed25519(file, () => createPublicKey(read(file)));
  return Buffer.from(key.export({ format: 'jwk' }).x ?? '', 'base64url').toString('hex');
}

function privateKeyIn(file: string): KeyObject {
  return ed25519(file, () => createPrivateKey(read(file)));
}

function ed25519(file: string, load: () => KeyObject): KeyObject {
  let key: KeyObject | undefined;
  try {
    key = load();
  } catch {
    // Said below.
  }
  if (key?.asymmetricKeyType === 'ed25519') return key;
  throw new Failure(`${file} holds no Ed25519 key in PEM: \`keystead hsm operator new-key\` makes one.`);
}

function read(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new Failure(`${file} cannot be read: ${(error as Error).message}`);
  }
}

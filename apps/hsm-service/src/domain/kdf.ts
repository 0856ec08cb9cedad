import { createHmac } from 'node:crypto';

const HMAC_BYTES = 32;

/**
 * SP 800-108r1 KDF in counter mode with HMAC-SHA256 as the PRF:
 * concat_i HMAC(key, u32(i) || label || 0x00 || context || u32(8 * length)), cut to `length` bytes.
 * The caller overwrites the result after use.
 */
export function kdf(key: Uint8Array, label: string, context: Uint8Array, length: number): Buffer {
  const input = kdfInput(label, context, length);
  if (length === HMAC_BYTES) return block(key, input, 1);
  const out = Buffer.alloc(length);
  for (let i = 1, at = 0; at < length; i++, at += HMAC_BYTES) {
    const part = block(key, input, i);
    part.copy(out, at);
    part.fill(0);
  }
  return out;
}

/** The same where the key lies in a device, which is asked for each HMAC. */
export async function kdfBy(
  hmac: (input: Buffer) => Promise<Buffer>,
  label: string,
  context: Uint8Array,
  length: number,
): Promise<Buffer> {
  const out = Buffer.alloc(length);
  for (let i = 1, at = 0; at < length; i++, at += HMAC_BYTES) {
    const input = kdfInput(label, context, length);
    input.writeUInt32BE(i, 0);
    const part = await hmac(input);
    part.copy(out, at);
    part.fill(0);
  }
  return out;
}

function kdfInput(label: string, context: Uint8Array, length: number): Buffer {
  // The separator must stay unambiguous, so labels are plain ASCII without 0x00.
  const at = 4 + label.length + 1;
  const input = Buffer.allocUnsafe(at + context.length + 4);
  input.write(label, 4, 'latin1');
  input[at - 1] = 0;
  input.set(context, at);
  input.writeUInt32BE(length * 8, at + context.length);
  return input;
}

function block(key: Uint8Array, input: Buffer, counter: number): Buffer {
  input.writeUInt32BE(counter, 0);
  return createHmac('sha256', key).update(input).digest();
}

/** Refuses a buffer of the wrong length. The message names the argument, never its value. */
export function exactly(value: Uint8Array, length: number, name: string): void {
  if (value.length !== length) throw new RangeError(`${name}: ${length} bytes wanted, ${value.length} given`);
}

/** Overwrites buffers that held a secret. */
export function zero(...secrets: Uint8Array[]): void {
  for (const secret of secrets) secret.fill(0);
}

/** Runs `use` on a secret and overwrites it afterwards, whatever happens. */
export function consuming<S extends Uint8Array, T>(secret: S, use: (secret: S) => T): T {
  try {
    return use(secret);
  } finally {
    secret.fill(0);
  }
}

/** The same for a use that takes its time. */
export async function lending<S extends Uint8Array, T>(secret: S, use: (secret: S) => Promise<T>): Promise<T> {
  try {
    return await use(secret);
  } finally {
    secret.fill(0);
  }
}

/** Big-endian unsigned integer of 1 to 6 bytes. */
export function uint(value: number, length: number): Buffer {
  const out = Buffer.alloc(length);
  out.writeUIntBE(value, 0, length);
  return out;
}

/** Big-endian u64. */
export function u64(value: bigint): Buffer {
  const out = Buffer.alloc(8);
  out.writeBigUInt64BE(value);
  return out;
}

/** Reads a buffer from front to back; throws RangeError where bytes are missing. */
export class Reader {
  #at = 0;
  readonly #source: Buffer;

  constructor(source: Uint8Array) {
    this.#source = view(source);
  }

  /** How many bytes have been read. */
  get position(): number {
    return this.#at;
  }

  get remaining(): number {
    return this.#source.length - this.#at;
  }

  /** The next bytes, sharing memory with the source. */
  take(length: number): Buffer {
    if (length > this.remaining) throw new RangeError('the bytes end too early');
    this.#at += length;
    return this.#source.subarray(this.#at - length, this.#at);
  }

  uint(length: number): number {
    return this.take(length).readUIntBE(0, length);
  }

  u64(): bigint {
    return this.take(8).readBigUInt64BE();
  }
}

/** The same memory as a Buffer, without a copy. */
export function view(source: Uint8Array): Buffer {
  return Buffer.isBuffer(source) ? source : Buffer.from(source.buffer, source.byteOffset, source.byteLength);
}

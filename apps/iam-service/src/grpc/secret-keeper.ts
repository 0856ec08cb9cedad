/** Keeps the secrets of access keys: nothing but kms-service can open what it wraps. */
export interface SecretKeeper {
  /** Wraps the secret of an access key. */
  wrap(accessKeyId: string, secret: Uint8Array): Promise<Uint8Array>;
  /** Unwraps it; the caller zeroes the result. */
  unwrap(accessKeyId: string, wrapped: Uint8Array): Promise<Uint8Array>;
}

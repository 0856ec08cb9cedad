/** Names a blob of `bucket` from 16 random bytes. */
export function blobName(bucket: string, random: Buffer): string {
  return `${bucket}/${random.toString('hex')}`;
}

/** True for what `blobName` makes: the guard before any name becomes a path. */
export function isBlobName(name: string): boolean {
  return /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]\/[0-9a-f]{32}$/.test(name) && !name.includes('..');
}

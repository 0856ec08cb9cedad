/**
 * Names a blob of `bucket`: seconds since 1970 UTC in eight hex digits, so that what is written together lies together,
 * and 12 random bytes.
 */
export function blobName(bucket: string, now: Date, random: Buffer): string {
  const seconds = Math.floor(now.getTime() / 1000) >>> 0;
  return `${bucket}/${seconds.toString(16).padStart(8, '0')}${random.toString('hex')}`;
}

/** True for what `blobName` makes: the guard before any name becomes a path. */
export function isBlobName(name: string): boolean {
  return /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]\/[0-9a-f]{32}$/.test(name) && !name.includes('..');
}

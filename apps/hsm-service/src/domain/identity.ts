// Accounts and key ids as people write them, and as tokens hold them.

const ACCOUNT = /^\d{12}$/;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const MULTI_REGION = /^mrk-[0-9a-f]{32}$/;

/** 12 digits as a number; undefined for anything else. */
export function parseAccount(text: string): bigint | undefined {
  return ACCOUNT.test(text) ? BigInt(text) : undefined;
}

export function formatAccount(account: bigint): string {
  return account.toString().padStart(12, '0');
}

/** A key id: a lower-case UUID, or mrk- and 32 lower-case hex digits; undefined for anything else. */
export function parseKeyId(text: string): { keyId: Buffer; multiRegion: boolean } | undefined {
  if (UUID.test(text)) return { keyId: Buffer.from(text.replaceAll('-', ''), 'hex'), multiRegion: false };
  if (MULTI_REGION.test(text)) return { keyId: Buffer.from(text.slice(4), 'hex'), multiRegion: true };
  return undefined;
}

export function formatKeyId(keyId: Buffer, multiRegion: boolean): string {
  const hex = keyId.toString('hex');
  if (multiRegion) return `mrk-${hex}`;
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

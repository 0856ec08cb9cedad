import { createHash } from 'node:crypto';
import { type Json, redactedJson, writeString } from './canonical.js';
import type { RecordBody } from './record.js';

/** The largest leaf of the journal in bytes: tiles of the log count with 16 bits (reference crypto.md §2.6). */
export const maxLeafBytes = 60_000;

/** The largest record: a leaf less its frame {"rec":…,"seq":"…","t":"…","v":1}. */
export const maxRecordBytes = maxLeafBytes - 100;

const parts = ['additionalEventData', 'requestParameters', 'responseElements', 'serviceEventDetails'] as const;

/**
 * Replaces the largest members by {"sha256", "size"} (of their canonical JSON in UTF-8) until `excess` bytes are gone.
 * The digest still proves what was sent.
 */
export function shrink(body: RecordBody, excess: number): RecordBody {
  const small: Record<string, Record<string, Json>> = {};
  for (const part of parts) if (body[part]) small[part] = { ...body[part] };
  let saved = 0;
  for (const { part, name, text } of membersBySize(body)) {
    if (saved >= excess) break;
    const members = small[part];
    if (members) members[name] = digestOf(text);
    saved += Buffer.byteLength(text) - 100;
  }
  return small;
}

/** Replaces each part as a whole by the same of all its members. */
export function digests(body: RecordBody): RecordBody {
  const small: Record<string, Json> = {};
  for (const part of parts) if (body[part]) small[part] = digestOf(redactedJson(body[part]));
  return small;
}

interface Member {
  readonly part: string;
  readonly name: string;
  readonly text: string;
}

function membersBySize(body: RecordBody): Member[] {
  const members: Member[] = [];
  for (const part of parts) {
    for (const [name, value] of Object.entries(body[part] ?? {})) {
      if (value !== undefined) members.push({ part, name, text: memberText(name, value) });
    }
  }
  return members.sort((a, b) => b.text.length - a.text.length);
}

function memberText(name: string, value: Json): string {
  const whole = redactedJson({ [name]: value });
  return whole === '{}' ? '' : whole.slice(writeString(name).length + 2, -1);
}

function digestOf(text: string): Json {
  return { sha256: createHash('sha256').update(text).digest('hex'), size: Buffer.byteLength(text) };
}

/**
 * A leaf is RFC 8785 JSON {"rec":<record>,"seq":"<index>","t":"<RFC 3339, ms>","v":1} (reference crypto.md §2.6). The
 * record is canonical already and the names are in order, so the bytes are laid around it and nothing is parsed.
 */
const head = Buffer.from('{"rec":');

/** What comes after the record. */
function tail(index: number, time: string): string {
  return `,"seq":"${String(index)}","t":"${time}","v":1}`;
}

/** Bytes that a leaf needs beside its record, at most. */
export const leafFrameBytes = head.length + tail(Number.MAX_SAFE_INTEGER, new Date(0).toISOString()).length;

/** Writes a leaf into `target` at `offset`; returns where it ends. `target` must have room for it. */
export function writeLeaf(target: Buffer, offset: number, record: Uint8Array, index: number, time: string): number {
  target.set(head, offset);
  target.set(record, offset + head.length);
  const end = offset + head.length + record.length;
  return end + target.write(tail(index, time), end, 'latin1');
}

/** A leaf taken apart. */
export interface Leaf {
  readonly index: number;
  /** RFC 3339 with milliseconds. */
  readonly time: string;
  /** The record's canonical JSON. */
  readonly record: string;
}

const tailPattern = /,"seq":"(\d{1,16})","t":"([0-9T:.-]{23,30}Z)","v":1\}$/;

/** Reads a leaf; throws SyntaxError when the bytes are no leaf of version 1. */
export function readLeaf(body: Buffer): Leaf {
  const text = body.toString('utf8');
  const found = tailPattern.exec(text.slice(-100));
  if (!text.startsWith('{"rec":') || !found) throw new SyntaxError('not a leaf of version 1');
  const record = text.slice(head.length, text.length - found[0].length);
  return { index: Number(found[1]), time: found[2] ?? '', record };
}

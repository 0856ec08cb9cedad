import { BinaryReader, BinaryWriter } from '@bufbuild/protobuf/wire';

/** What every bytes field is that was not sent: an array for each costs as much as decoding the field. */
export const noBytes = new Uint8Array(0);

/** What a message grows into; kept, because growing a fresh one by doubling costs more than the encoding itself. */
let writer = new BinaryWriter();
/** The longest message that it may still hold. */
let longest = 0;
/** A writer that has held more than this is not kept; a frame of the longest plaintexts is shorter. */
const largestKept = 512 << 10;

/** The bytes of a message. `encode` writes into what it is given and does not come back here. */
export function serialize<Message>(
  encode: (message: Message, writer: BinaryWriter) => BinaryWriter,
  message: Message,
): Buffer {
  try {
    const bytes = encode(message, writer).finish();
    if (bytes.length > largestKept) writer = new BinaryWriter();
    else if (bytes.length > longest) longest = bytes.length;
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  } catch (error) {
    writer = new BinaryWriter(); // what is half written must not begin the next message
    throw error;
  }
}

/** Overwrites what the last messages left in the writer: short ones overwrite only the beginning of a long one before. */
export function forgetMessages(): void {
  writer.raw(new Uint8Array(longest)).finish();
  longest = 0;
}

/** Cuts a message between its fields into parts of at most `most` bytes, or of one longer field; they share its memory. */
export function cut(message: Buffer, most: number): Buffer[] {
  const parts: Buffer[] = [];
  const reader = new BinaryReader(message);
  let [from, end] = [0, 0];
  for (; reader.pos < reader.len; end = reader.pos) {
    const [, type] = reader.tag();
    reader.skip(type);
    if (end === from || reader.pos - from <= most) continue;
    parts.push(message.subarray(from, end));
    from = end;
  }
  parts.push(message.subarray(from));
  return parts;
}

import { BinaryWriter } from '@bufbuild/protobuf/wire';

/** What a message grows into; kept, because growing a fresh one by doubling costs more than the encoding itself. */
let writer = new BinaryWriter();
/** The longest message that it may still hold. */
let longest = 0;
/** A writer that has held more than this is not kept. */
const largestKept = 256 << 10;

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

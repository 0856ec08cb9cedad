/** Where a segment belongs; it opens nowhere else. */
export interface SegmentPlace {
  readonly bucket: string;
  readonly key: string;
  /** Set for a part of a multipart upload. */
  readonly part?: { readonly number: number; readonly uploadId: string };
}

/** The bytes that bind a segment to its place: u8 1, bucket, key, kind, part number, upload id. */
export function segmentContext({ bucket, key, part }: SegmentPlace): Buffer {
  const fixed = Buffer.alloc(5);
  fixed.writeUInt8(part ? 1 : 0, 0);
  fixed.writeUInt32BE(part?.number ?? 0, 1);
  return Buffer.concat([Uint8Array.of(1), prefixed(bucket), prefixed(key), fixed, prefixed(part?.uploadId ?? '')]);
}

function prefixed(text: string): Buffer {
  const bytes = Buffer.from(text, 'utf8');
  if (bytes.length > 0xffff) throw new RangeError('a name in a segment context has at most 65,535 bytes');
  const length = Buffer.alloc(2);
  length.writeUInt16BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

import type { ChecksumAlgorithm } from './checksum/algorithms.js';

/** One stored blob of an object: the whole of it, or one part. */
export interface Segment {
  /** Where the sealed bytes lie in the backend. */
  readonly blob: string;
  /** 0 for an object that was put in one piece. */
  readonly part: number;
  /** Plaintext bytes. */
  readonly size: number;
  /** The segment's salt and key commitment in hex, so that a range is read without the segment's beginning. */
  readonly header: string;
}

/** How an object is encrypted; what HEAD and GET tell, and what GET needs. */
export interface StoredEncryption {
  readonly algorithm: 'AES256' | 'aws:kms';
  /** Full key ARN; for AES256 the service's own key, which nobody is told. */
  readonly keyArn: string;
  /** The encryption context of the wrapped key, with the pair that S3 adds. */
  readonly context: Readonly<Record<string, string>>;
  readonly bucketKeyEnabled: boolean;
  /** What KMS wrapped, base64: the object's data key, or the bucket key from which it is derived. */
  readonly wrappedKey: string;
  /** What the data key is derived with, base64; absent when it is itself wrapped. */
  readonly keySalt?: string;
}

/** A checksum over the plaintext, as S3 returns it. */
export interface StoredChecksum {
  readonly algorithm: ChecksumAlgorithm;
  readonly type: 'FULL_OBJECT' | 'COMPOSITE';
  /** Base64; of a COMPOSITE with `-N` behind it. */
  readonly value: string;
}

/** Headers that an object keeps and gives back: content-type and its kin by their names, and x-amz-meta-*. */
export type KeptHeaders = Readonly<Record<string, string>>;

/** Everything that is known of an object. It lies beside the object and in the index, byte for byte the same. */
export interface ObjectRecord {
  readonly version: 1;
  readonly bucket: string;
  readonly key: string;
  /** Milliseconds since 1970 UTC. */
  readonly modified: number;
  /** Plaintext bytes. */
  readonly size: number;
  /** Without quotes. */
  readonly etag: string;
  readonly headers: KeptHeaders;
  readonly checksum?: StoredChecksum;
  readonly encryption: StoredEncryption;
  /** Of a multipart upload, else empty; part of the key of the record's MAC. */
  readonly uploadId: string;
  /** In the order of the object's bytes. */
  readonly segments: readonly Segment[];
}

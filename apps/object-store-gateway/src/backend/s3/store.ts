import { Client } from 'minio';
import type { Backend, BlobReader, BlobWriter } from '../backend.js';
import { isBlobName } from '../../domain/blob-name.js';
import { footerRoom, readFooter } from '../footer.js';
import { openBucket } from './opening.js';
import { Signer } from './signer.js';
import { Transport } from './transport.js';

/** Where the S3 store is and how to sign for it. */
export interface S3BackendOptions {
  /** http or https, host and port. */
  readonly endpoint: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly region: string;
  /** One bucket, `<prefix>objects`, holds everything: bucket names may be as long as S3 allows. */
  readonly bucketPrefix: string;
}

const DATA = '.sealed';
/** A record beside its blob: of a multipart object, or written by an earlier version. */
const RECORD = '.record';
/** Says that the record in or beside a blob counts no more: nothing can be cut off an object of an S3 store. */
const REMOVED = '.removed';
/** What is read of an object's end to find its record: rarely has one more. */
const TAIL_BYTES = 8_192;

/**
 * Keeps blobs in any S3 store. Bytes travel by plain requests of our own, because the client library buffers streams.
 * Throws ConfigError when the store cannot be used.
 */
export async function s3Backend(options: S3BackendOptions): Promise<Backend> {
  const bucket = `${options.bucketPrefix}objects`;
  const client = clientOf(options);
  await openBucket(client, { endpoint: options.endpoint, bucket, region: options.region });
  return new S3Backend(client, bucket, transportOf(options));
}

function transportOf({ endpoint, ...identity }: S3BackendOptions): Transport {
  const { protocol, hostname, host, port } = new URL(endpoint);
  const tls = protocol === 'https:';
  const address = hostname.replace(/^\[|\]$/g, '');
  const number = port === '' ? (tls ? 443 : 80) : Number(port);
  return new Transport({ host: address, port: number, tls }, new Signer({ host, ...identity }));
}

function clientOf({ endpoint, accessKeyId, secretAccessKey, region }: S3BackendOptions): Client {
  const { protocol, hostname, port } = new URL(endpoint);
  const useSSL = protocol === 'https:';
  return new Client({
    endPoint: hostname,
    port: port === '' ? (useSSL ? 443 : 80) : Number(port),
    useSSL,
    accessKey: accessKeyId,
    secretKey: secretAccessKey,
    region,
    pathStyle: true,
  });
}

class S3Backend implements Backend {
  readonly #client: Client;
  readonly #bucket: string;
  readonly #transport: Transport;

  constructor(client: Client, bucket: string, transport: Transport) {
    this.#client = client;
    this.#bucket = bucket;
    this.#transport = transport;
  }

  async create(blob: string, length: number, record = 0): Promise<BlobWriter> {
    const recordRoom = record === 0 ? 0 : footerRoom(record);
    return this.#transport.put(this.#path(blob), length + recordRoom, recordRoom, {
      keep: (late) => this.putRecord(blob, late),
      remove: () => this.remove([blob]),
    });
  }

  async read(blob: string, start: number, end: number): Promise<BlobReader> {
    return this.#transport.get(blob, this.#path(blob), start, end);
  }

  async putRecord(blob: string, record: Buffer): Promise<void> {
    await this.#client.putObject(this.#bucket, checked(blob) + RECORD, record, record.length);
  }

  async removeRecord(blob: string): Promise<void> {
    await this.#client.putObject(this.#bucket, checked(blob) + REMOVED, Buffer.alloc(0), 0);
  }

  async remove(blobs: readonly string[]): Promise<void> {
    if (blobs.length === 0) return;
    const names = blobs.map(checked);
    await this.#removeNames(names.flatMap((name) => [name + DATA, name + RECORD]));
    // Only now: a record without it counts.
    await this.#removeNames(names.map((name) => name + REMOVED));
  }

  async #removeNames(names: string[]): Promise<void> {
    for (const result of await this.#client.removeObjects(this.#bucket, names)) {
      if (result?.Error) throw new Error(`the object store did not remove ${result.Error.Key}: ${result.Error.Code}`);
    }
  }

  /** A listing is in the order of names, so that what is said of a blob comes before the blob itself. */
  async *records(): AsyncIterable<{ blob: string; record: Buffer }> {
    let beside: Buffer | undefined;
    let removed = '';
    for await (const { name, size } of this.#list()) {
      const blob = blobOf(name);
      if (name.endsWith(RECORD)) beside = await this.#get(name, 0, size);
      else if (name.endsWith(REMOVED)) removed = blob;
      else if (name.endsWith(DATA)) {
        const record = blob === removed ? undefined : (beside ?? (await this.#footer(name, size)));
        beside = undefined;
        if (record) yield { blob, record };
      }
    }
  }

  async #footer(name: string, size: number): Promise<Buffer | undefined> {
    const from = Math.max(0, size - TAIL_BYTES);
    const tail = await this.#get(name, from, size - from);
    const footer = await readFooter(size, async (at, length) =>
      at >= from ? tail.subarray(at - from, at - from + length) : this.#get(name, at, length),
    );
    return footer?.record;
  }

  async #get(name: string, from: number, length: number): Promise<Buffer> {
    if (length === 0) return Buffer.alloc(0);
    const stream = await this.#client.getPartialObject(this.#bucket, name, from, length);
    return Buffer.concat(await stream.toArray());
  }

  async *blobs(): AsyncIterable<{ blob: string; ageMs: number }> {
    for await (const { name, lastModified } of this.#list()) {
      if (!name.endsWith(DATA)) continue;
      yield { blob: blobOf(name), ageMs: Date.now() - lastModified.getTime() };
    }
  }

  async check(): Promise<void> {
    if (!(await this.#client.bucketExists(this.#bucket))) throw new Error(`the bucket ${this.#bucket} is missing`);
  }

  close(): Promise<void> {
    this.#transport.close();
    return Promise.resolve();
  }

  async *#list(): AsyncIterable<{ name: string; size: number; lastModified: Date }> {
    for await (const item of this.#client.listObjectsV2(this.#bucket, '', true)) {
      const { name, size, lastModified } = item as { name?: string; size: number; lastModified: Date };
      if (name !== undefined && isBlobName(blobOf(name))) yield { name, size, lastModified };
    }
  }

  #path(blob: string): string {
    return `/${this.#bucket}/${checked(blob)}${DATA}`;
  }
}

const blobOf = (name: string): string => name.slice(0, name.lastIndexOf('.'));

function checked(blob: string): string {
  if (!isBlobName(blob)) throw new RangeError('not the name of a blob');
  return blob;
}

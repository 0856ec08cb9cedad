import { Client } from 'minio';
import type { Backend, BlobReader, BlobWriter } from '../backend.js';
import { isBlobName } from '../../domain/blob-name.js';
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
const RECORD = '.record';
/** A signature is used at once; the clocks of two machines may differ by this. */
const SIGNATURE_SECONDS = 900;

/** Keeps blobs in any S3 store. Bytes travel by signed plain requests, because the client library buffers streams. */
export async function s3Backend(options: S3BackendOptions): Promise<Backend> {
  const bucket = `${options.bucketPrefix}objects`;
  const client = clientOf(options);
  if (!(await client.bucketExists(bucket))) await client.makeBucket(bucket, options.region);
  return new S3Backend(client, bucket);
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
  readonly #transport = new Transport();

  constructor(client: Client, bucket: string) {
    this.#client = client;
    this.#bucket = bucket;
  }

  async create(blob: string, length: number): Promise<BlobWriter> {
    const url = await this.#client.presignedPutObject(this.#bucket, dataName(blob), SIGNATURE_SECONDS);
    return this.#transport.put(url, length, {
      keep: (record) => this.putRecord(blob, record),
      remove: () => this.remove(blob),
    });
  }

  async read(blob: string, start: number, end: number): Promise<BlobReader> {
    const url = await this.#client.presignedGetObject(this.#bucket, dataName(blob), SIGNATURE_SECONDS);
    return this.#transport.get(blob, url, start, end);
  }

  async putRecord(blob: string, record: Buffer): Promise<void> {
    await this.#client.putObject(this.#bucket, checked(blob) + RECORD, record, record.length);
  }

  async removeRecord(blob: string): Promise<void> {
    await this.#client.removeObject(this.#bucket, checked(blob) + RECORD);
  }

  async remove(blob: string): Promise<void> {
    await this.#client.removeObject(this.#bucket, checked(blob) + RECORD);
    await this.#client.removeObject(this.#bucket, dataName(blob));
  }

  async *records(): AsyncIterable<{ blob: string; record: Buffer }> {
    for await (const { name } of this.#list()) {
      if (!name.endsWith(RECORD)) continue;
      const stream = await this.#client.getObject(this.#bucket, name);
      const record = Buffer.concat(await stream.toArray());
      yield { blob: name.slice(0, -RECORD.length), record };
    }
  }

  async *blobs(): AsyncIterable<{ blob: string; ageMs: number }> {
    for await (const { name, lastModified } of this.#list()) {
      if (!name.endsWith(DATA)) continue;
      yield { blob: name.slice(0, -DATA.length), ageMs: Date.now() - lastModified.getTime() };
    }
  }

  async check(): Promise<void> {
    if (!(await this.#client.bucketExists(this.#bucket))) throw new Error(`the bucket ${this.#bucket} is missing`);
  }

  close(): Promise<void> {
    this.#transport.close();
    return Promise.resolve();
  }

  async *#list(): AsyncIterable<{ name: string; lastModified: Date }> {
    for await (const item of this.#client.listObjectsV2(this.#bucket, '', true)) {
      const { name, lastModified } = item as { name?: string; lastModified: Date };
      if (name !== undefined && isBlobName(name.slice(0, name.lastIndexOf('.')))) yield { name, lastModified };
    }
  }
}

function checked(blob: string): string {
  if (!isBlobName(blob)) throw new RangeError('not the name of a blob');
  return blob;
}

const dataName = (blob: string): string => checked(blob) + DATA;

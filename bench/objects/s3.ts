import { Connection, fetchOnce, succeeded, type Target } from '../http/connection.js';
import { type Credentials, signedHead } from '../http/sign.js';
import { callers, objectsOfCaller, type ObjectStore, type OpenStore, type Verb } from './store.js';

export interface S3Options {
  /** Where the objects are; made if it is not there. */
  readonly bucket: string;
  readonly target: Target;
  readonly credentials: Credentials;
  readonly roots: readonly number[];
  /** Sent with every PUT of an object. */
  readonly headers: Readonly<Record<string, string>>;
}

const payload = 'UNSIGNED-PAYLOAD';
const noBody = Buffer.alloc(0);

/** A bucket of an S3 endpoint. */
export async function s3Store(name: string, options: S3Options): Promise<ObjectStore> {
  await fetchOnce(options.target, [headOf(options, 'PUT', `/${options.bucket}`, 0, {})]);
  return {
    name,
    roots: options.roots,
    async fill(bytes) {
      const open = await openS3(options, 'PUT', bytes);
      const all = Array.from({ length: callers * objectsOfCaller(bytes) }, (_, n) => n % callers);
      for (const caller of all) await open.move(caller);
      open.close();
    },
    open: (verb, bytes) => openS3(options, verb, bytes),
  };
}

async function openS3(options: S3Options, verb: Verb, bytes: number): Promise<OpenStore> {
  const { target, headers, bucket } = options;
  const body = verb === 'PUT' ? bodyOf(bytes) : noBody;
  const heads = Array.from({ length: callers }, (_, caller) =>
    Array.from({ length: objectsOfCaller(bytes) }, (_, n) =>
      headOf(options, verb, `/${bucket}/${bytes}-${caller}-${n}`, body.length, verb === 'PUT' ? headers : {}),
    ),
  );
  const connections = await Promise.all(heads.map(() => Connection.open(target)));
  const turns = heads.map(() => 0);
  return {
    async move(caller) {
      const own = heads[caller] as Buffer[];
      const turn = (turns[caller] ?? 0) % own.length;
      turns[caller] = turn + 1;
      const request = [own[turn] as Buffer, ...(body.length > 0 ? [body] : [])];
      const { length } = succeeded(await (connections[caller] as Connection).send(request));
      if (verb === 'GET' && length !== bytes) throw new Error(`${length} bytes came instead of ${bytes}`);
    },
    close: () => connections.forEach((connection) => connection.close()),
  };
}

function headOf(
  { target, credentials }: S3Options,
  method: string,
  path: string,
  length: number,
  more: Readonly<Record<string, string>>,
): Buffer {
  const host = `${target.host}:${target.port}`;
  const headers = { ...more, 'x-amz-content-sha256': payload };
  return signedHead({ method, path, host, service: 's3', headers, length, payload }, credentials);
}

const bodies = new Map<number, Buffer>();

function bodyOf(bytes: number): Buffer {
  const body = bodies.get(bytes) ?? Buffer.alloc(bytes, 'keystead ');
  bodies.set(bytes, body);
  return body;
}

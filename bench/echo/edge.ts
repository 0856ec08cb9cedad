import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import { type Call, KmsServiceService, type Result } from '@keystead/proto/kms';
import {
  listening,
  metricsRegistry,
  opsServer,
  type PipelineClient,
  pipelineClient,
  requestId,
  runService,
  type Running,
  tlsIdentity,
} from '@keystead/service';
import { type EchoConfig, readEchoConfig } from './config.js';
import { context } from './samples.js';

type Operation = NonNullable<Call['operation']>;
type Outcome = NonNullable<Result['outcome']>;
type Kms = PipelineClient<Operation, Outcome>;

const empty = Buffer.alloc(0);

interface Input {
  readonly KeyId?: string;
  readonly KeySpec?: string;
  readonly Plaintext?: string;
  readonly CiphertextBlob?: string;
  readonly EncryptionContext?: Record<string, string>;
}

/** edge without signature, rules or routes: a JSON document in, a message on the stream, a JSON document out. */
async function start({ listen, opsListen, tlsDir, kmsAddress }: EchoConfig): Promise<Running> {
  const tls = tlsIdentity(tlsDir);
  const kms: Kms = pipelineClient({
    ...{ method: KmsServiceService.pipeline, address: kmsAddress, tls, expected: 'kms-service' },
  });
  await kms.waitForReady(10_000);
  const serve: RequestListener = (request, response) => {
    answer(kms, request, response).catch((error: unknown) => response.writeHead(500).end(String(error)));
  };
  const server = createServer({ noDelay: true, keepAliveTimeout: 60_000 }, serve);
  const ops = await opsServer(opsListen, () => Promise.resolve(true), metricsRegistry('echo-edge'));
  const address = await listening(server, listen);
  const close = async (): Promise<void> => {
    server.close();
    server.closeAllConnections();
    kms.close();
    await ops.close();
  };
  return { address, opsAddress: ops.address, close };
}

async function answer(kms: Kms, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const target = String(request.headers['x-amz-target']);
  const input = JSON.parse((await read(request)).toString('utf8')) as Input;
  const body = JSON.stringify(await ask(kms, target.slice(target.indexOf('.') + 1), input));
  response
    .writeHead(200, [
      ...['x-amzn-RequestId', requestId(), 'Content-Type', 'application/x-amz-json-1.1'],
      ...['Content-Length', String(Buffer.byteLength(body)), 'Cache-Control', 'no-store'],
    ])
    .end(body);
}

async function ask(kms: Kms, operation: string, input: Input): Promise<object> {
  const { KeyId: keyId, EncryptionContext: encryptionContext = {}, KeySpec: keySpec } = input;
  const common = { encryptionContext, grantTokens: [], ...(keyId === undefined ? {} : { keyId }) };
  if (operation === 'Encrypt') {
    const plaintext = Buffer.from(input.Plaintext ?? '', 'base64');
    const done = await kms.request('encrypt', { ...common, plaintext }, { context });
    const { ciphertextBlob, keyId: KeyId, encryptionAlgorithm: EncryptionAlgorithm } = done;
    return { CiphertextBlob: base64(ciphertextBlob), KeyId, EncryptionAlgorithm };
  }
  if (operation === 'Decrypt') {
    const ciphertextBlob = Buffer.from(input.CiphertextBlob ?? '', 'base64');
    const message = { ...common, ciphertextBlob, dryRunModifiers: [], recipient: undefined };
    const done = await kms.request('decrypt', message, { context });
    const { plaintext, keyId: KeyId, encryptionAlgorithm: EncryptionAlgorithm, keyMaterialId: KeyMaterialId } = done;
    return { KeyId, Plaintext: base64(plaintext), EncryptionAlgorithm, KeyMaterialId };
  }
  const message = { ...common, ...(keySpec === undefined ? {} : { keySpec }), recipient: undefined };
  const done = await kms.request('generateDataKey', message, { context });
  const { plaintext, ciphertextBlob, keyId: KeyId, keyMaterialId: KeyMaterialId } = done;
  return { CiphertextBlob: base64(ciphertextBlob), Plaintext: base64(plaintext), KeyId, KeyMaterialId };
}

function read(request: IncomingMessage): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => resolve(chunks.length === 1 ? (chunks[0] ?? empty) : Buffer.concat(chunks)));
    request.on('error', reject);
  });
}

const base64 = ({ buffer, byteOffset, byteLength }: Uint8Array): string =>
  Buffer.from(buffer, byteOffset, byteLength).toString('base64');

await runService('echo-edge', readEchoConfig, start);

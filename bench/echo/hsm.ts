import { KeysteadError } from '@keystead/errors';
import { type Call, HsmServiceService, type Result } from '@keystead/proto/hsm';
import { logger, pipeline, runService, type Running, serve, type Success, tlsIdentity } from '@keystead/service';
import { type EchoConfig, readEchoConfig } from './config.js';
import { blobOverhead } from './samples.js';

type Operation = NonNullable<Call['operation']>;
type Outcome = NonNullable<Result['outcome']>;

const dataKey = Buffer.alloc(32, 2);
const wrappedDataKey = Buffer.alloc(dataKey.length + blobOverhead, 3);

/** hsm-service without keys: bytes come back with the length that they would have. */
async function start({ listen, opsListen, tlsDir, logLevel }: EchoConfig): Promise<Running> {
  const implementation = {
    pipeline: pipeline<Operation, Outcome>({ method: HsmServiceService.pipeline, handle: async (o) => echo(o) }),
  };
  return serve({
    ...{ name: 'echo-hsm', listen, opsListen, tls: tlsIdentity(tlsDir), log: logger('echo-hsm', logLevel) },
    maxReceiveBytes: 128 << 10,
    services: [{ definition: HsmServiceService, implementation }],
  });
}

function echo({ $case, value }: Operation): Success<Outcome> {
  if ($case === 'encrypt')
    return { $case, value: { ciphertextBlob: Buffer.alloc(value.plaintext.length + blobOverhead) } };
  if ($case === 'decrypt') return { $case, value: { plaintext: value.ciphertextBlob.subarray(blobOverhead) } };
  if ($case === 'generateDataKey') return { $case, value: { plaintext: dataKey, ciphertextBlob: wrappedDataKey } };
  throw new KeysteadError('UnknownOperation', 'No echo of this.');
}

await runService('echo-hsm', readEchoConfig, start);

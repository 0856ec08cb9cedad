import { auditClient } from '@keystead/audit';
import { KeysteadError } from '@keystead/errors';
import {
  DecryptRequest as HsmDecryptRequest,
  EncryptRequest as HsmEncryptRequest,
  GenerateDataKeyRequest as HsmGenerateDataKeyRequest,
  type Call as HsmCall,
  HsmServiceService,
  type Result as HsmResult,
} from '@keystead/proto/hsm';
import {
  type Call,
  type DecryptRequest,
  type DecryptResponse,
  type EncryptRequest,
  type EncryptResponse,
  type GenerateDataKeyRequest,
  type GenerateDataKeyResponse,
  KmsServiceService,
  type Result,
} from '@keystead/proto/kms';
import {
  logger,
  pipeline,
  pipelineClient,
  runService,
  type Running,
  serve,
  type Success,
  tlsIdentity,
  unary,
} from '@keystead/service';
import { type EchoConfig, readEchoConfig } from './config.js';
import { key, keyArn, keyMaterialId, sampleRecord } from './samples.js';

type Operation = NonNullable<Call['operation']>;
type Outcome = NonNullable<Result['outcome']>;

const empty = Buffer.alloc(0);
/** Requests of the HSM without what comes from the caller; fields that are not named here keep their defaults. */
const bare = {
  encrypt: { ...HsmEncryptRequest.decode(empty), key },
  decrypt: { ...HsmDecryptRequest.decode(empty), key },
  generateDataKey: { ...HsmGenerateDataKeyRequest.decode(empty), key, numberOfBytes: 32 },
};
const encryptionAlgorithm = 'SYMMETRIC_DEFAULT';

/** The two hops behind kms-service, and nothing between them: no key, no policy, no rule. */
function hops({ hsmAddress, auditAddress, tlsDir }: EchoConfig) {
  const tls = tlsIdentity(tlsDir);
  const audit = auditClient({ address: auditAddress, tls });
  const hsm = pipelineClient<NonNullable<HsmCall['operation']>, NonNullable<HsmResult['outcome']>>({
    ...{ method: HsmServiceService.pipeline, address: hsmAddress, tls, expected: 'hsm-service' },
    idempotent: () => true,
  });
  const records = {
    encrypt: sampleRecord('Encrypt'),
    decrypt: sampleRecord('Decrypt'),
    generateDataKey: sampleRecord('GenerateDataKey'),
  };
  return {
    ready: () => Promise.all([hsm.waitForReady(10_000), audit.waitForReady(10_000)]),
    async encrypt({ plaintext = empty, encryptionContext }: EncryptRequest): Promise<EncryptResponse> {
      const { ciphertextBlob } = await hsm.request('encrypt', { ...bare.encrypt, plaintext, encryptionContext });
      await audit.append(records.encrypt);
      return { ciphertextBlob, keyId: keyArn, encryptionAlgorithm };
    },
    async decrypt({ ciphertextBlob = empty, encryptionContext }: DecryptRequest): Promise<DecryptResponse> {
      const { plaintext } = await hsm.request('decrypt', { ...bare.decrypt, ciphertextBlob, encryptionContext });
      await audit.append(records.decrypt);
      return { plaintext, keyId: keyArn, encryptionAlgorithm, keyMaterialId };
    },
    async generateDataKey({ encryptionContext }: GenerateDataKeyRequest): Promise<GenerateDataKeyResponse> {
      const request = { ...bare.generateDataKey, encryptionContext };
      const { plaintext, ciphertextBlob } = await hsm.request('generateDataKey', request);
      await audit.append(records.generateDataKey);
      return { plaintext, ciphertextBlob, keyId: keyArn, keyMaterialId };
    },
  };
}

/** kms-service as three hops and no work, on the stream and as unary RPCs. */
async function start(config: EchoConfig): Promise<Running> {
  const { listen, opsListen, tlsDir, logLevel } = config;
  const behind = hops(config);
  await behind.ready();
  const handle = async (operation: Operation): Promise<Success<Outcome>> => {
    const { $case } = operation;
    if ($case === 'encrypt') return { $case, value: await behind.encrypt(operation.value) };
    if ($case === 'decrypt') return { $case, value: await behind.decrypt(operation.value) };
    if ($case === 'generateDataKey') return { $case, value: await behind.generateDataKey(operation.value) };
    throw new KeysteadError('UnknownOperation', 'No echo of this.');
  };
  const implementation = {
    pipeline: pipeline<Operation, Outcome>({ method: KmsServiceService.pipeline, handle }),
    encrypt: unary((request: EncryptRequest) => behind.encrypt(request)),
    decrypt: unary((request: DecryptRequest) => behind.decrypt(request)),
    generateDataKey: unary((request: GenerateDataKeyRequest) => behind.generateDataKey(request)),
  };
  return serve({
    ...{ name: 'echo-kms', listen, opsListen, tls: tlsIdentity(tlsDir), log: logger('echo-kms', logLevel) },
    services: [{ definition: KmsServiceService, implementation }],
  });
}

await runService('echo-kms', readEchoConfig, start);

import { type Call, KmsServiceClient, KmsServiceService, type Result } from '@keystead/proto/kms';
import { channelCredentials, channelOptions, invoke, pipelineClient, tlsIdentity } from '@keystead/service';
import type { Lab } from '../lab.js';
import { closedLoop } from '../load/closed-loop.js';
import { type Cell, interleave } from '../load/interleave.js';
import type { Outcome } from '../report/outcome.js';
import { administratorCertificate } from '../system/keystead.js';
import { callerCounts, type Material, type Operation, operations, prepareMaterial } from './operations.js';
import { pairTable, pairUp } from './pairs.js';

type Ask = () => Promise<unknown>;
type Asks = Record<Operation, Ask>;

/** One end of the measurement: what is asked in each manner, and who is charged. */
interface Side {
  readonly name: string;
  readonly roots: readonly number[];
  readonly unary: Asks;
  readonly coalesced: Asks;
  close(): void;
}

/** kms-service's gRPC with a principal's certificate: one call per RPC, and many on the coalescing stream. */
export async function grpc(lab: Lab): Promise<Outcome> {
  const keystead = await lab.keystead();
  const echo = await lab.echo();
  const material = await prepareMaterial(keystead.edge, keystead.credentials);
  const certificate = administratorCertificate(keystead);
  const sides = [
    await open('Keystead', keystead.grpc, certificate, [keystead.pid], material),
    await open('echo', echo.grpc, echo.client, echo.pids, material),
  ];
  try {
    return await measure(lab, sides);
  } finally {
    for (const side of sides) side.close();
  }
}

async function measure(lab: Lab, sides: readonly Side[]): Promise<Outcome> {
  const names = (['coalesced', 'unary'] as const).flatMap((manner) =>
    callerCounts.flatMap((callers) => operations.map((operation) => ({ manner, operation, callers }))),
  );
  const cells = names.flatMap(({ manner, operation, callers }) =>
    sides.map((side): Cell => {
      const ask = side[manner][operation];
      const run = (seconds: number) => closedLoop(callers, seconds, ask);
      const name = `${operation}, ${manner} ×${callers}, ${side.name}`;
      return { name, roots: side.roots, open: () => Promise.resolve({ run, close: () => undefined }) };
    }),
  );
  const labelled = names.map(({ manner, operation, callers }) => ({ what: `${operation}, ${manner}`, callers }));
  const pairs = pairUp(labelled, await interleave(cells, lab));
  const title = 'gRPC (mTLS, principal certificate): 1 KiB plaintexts, AES_256 data keys';
  return { tables: [pairTable(title, pairs)], reaches: [], skipped: [], figures: pairs };
}

async function open(
  name: string,
  address: string,
  certificate: string,
  roots: readonly number[],
  material: Material,
): Promise<Side> {
  const tls = tlsIdentity(certificate);
  const stream = pipelineClient<NonNullable<Call['operation']>, NonNullable<Result['outcome']>>({
    ...{ method: KmsServiceService.pipeline, address, tls, expected: 'kms-service' },
  });
  const single = new KmsServiceClient(address, channelCredentials(tls, 'kms-service'), channelOptions);
  await stream.waitForReady(10_000);
  const { encrypt, decrypt, generateDataKey } = requests(material);
  return {
    ...{ name, roots },
    coalesced: {
      Encrypt: () => stream.request('encrypt', encrypt),
      Decrypt: () => stream.request('decrypt', decrypt),
      GenerateDataKey: () => stream.request('generateDataKey', generateDataKey),
    },
    unary: {
      Encrypt: () => invoke(single.encrypt.bind(single), encrypt),
      Decrypt: () => invoke(single.decrypt.bind(single), decrypt),
      GenerateDataKey: () => invoke(single.generateDataKey.bind(single), generateDataKey),
    },
    close: () => {
      stream.close();
      single.close();
      tls.close();
    },
  };
}

function requests({ keyId, plaintext, ciphertext, encryptionContext }: Material) {
  const common = { keyId, encryptionContext, grantTokens: [] };
  return {
    encrypt: { ...common, plaintext },
    decrypt: { ...common, ciphertextBlob: ciphertext, dryRunModifiers: [], recipient: undefined },
    generateDataKey: { ...common, keySpec: 'AES_256', recipient: undefined },
  };
}

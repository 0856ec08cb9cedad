import type { handleUnaryCall, UntypedServiceImplementation } from '@grpc/grpc-js';
import { KeysteadError } from '@keystead/errors';
import { KmsServiceService, type Call, type Result } from '@keystead/proto/kms';
import { pipeline, unary, type ServiceBinding } from '@keystead/service';
import { callerOf, signedBy, type Incoming } from './caller.js';
import type { Environment } from './environment.js';
import { execute, type Operation } from './execute.js';
import { KmsCall } from './kms-call.js';
import { operations, type OperationCase } from './operations.js';

type WireOperation = NonNullable<Call['operation']>;
type WireOutcome = NonNullable<Result['outcome']>;
type WireSuccess = Exclude<WireOutcome, { $case: 'error' }>;

/**
 * What takes seconds: making RSA keys, or opening them. It must not fill the HSM's queue, and what takes milliseconds
 * may not wait behind it: one caller's forty key pairs held up everybody's CreateKey for a minute. Signatures are not
 * among it: this process only waits for them, and the HSM has workers of its own for what is slow.
 */
export function isSlow(operation: WireOperation): boolean {
  switch (operation.$case) {
    case 'createKey':
      return isRsa(operation.value.keySpec ?? operation.value.customerMasterKeySpec);
    case 'generateDataKeyPair':
    case 'generateDataKeyPairWithoutPlaintext':
      return isRsa(operation.value.keyPairSpec);
    default:
      return operation.$case === 'getParametersForImport' || operation.$case === 'importKeyMaterial';
  }
}

const isRsa = (spec = ''): boolean => spec.startsWith('RSA_');

/** AWS KMS over gRPC: one handler for each operation, on the stream and as a unary RPC. */
export function kmsService(environment: Environment): ServiceBinding {
  const stream = pipeline<WireOperation, WireOutcome>({
    method: KmsServiceService.pipeline,
    allow: ({ kind }) => kind !== 'operator',
    handle: async ({ $case, value }, { peer, context, sourceIp }) => {
      const answer = await perform(environment, $case, value, { peer, context, sourceIp, userAgent: '' });
      return { $case, value: answer } as WireSuccess;
    },
    slow: isSlow,
    slowConcurrency: 16,
  });
  return { definition: KmsServiceService, implementation: { ...unaries(environment), pipeline: stream } };
}

function unaries(environment: Environment): UntypedServiceImplementation {
  const names = Object.keys(operations) as OperationCase[];
  return Object.fromEntries(names.map((name) => [name, unaryOf(environment, name)]));
}

function unaryOf(environment: Environment, name: OperationCase): handleUnaryCall<object, object> {
  return unary((request, { peer, sourceIp, userAgent }) =>
    perform(environment, name, request, { peer, context: undefined, sourceIp, userAgent }),
  );
}

async function perform(
  environment: Environment,
  name: OperationCase,
  request: object,
  incoming: Incoming,
): Promise<object> {
  if (!Object.hasOwn(operations, name)) throw new KeysteadError('UnknownOperation', `${name} is not offered here.`);
  const operation = operations[name] as Operation<object, object>;
  const context = incoming.peer.kind === 'signer' ? await signedBy(incoming.peer, incoming) : callerOf(incoming);
  return execute(operation, request, new KmsCall(environment, operation.name, context));
}

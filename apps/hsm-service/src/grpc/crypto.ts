import type { handleUnaryCall, UntypedServiceImplementation } from '@grpc/grpc-js';
import { KeysteadError } from '@keystead/errors';
import { pipeline, unary, type Peer, type ServiceBinding } from '@keystead/service';
import type { Engine } from '../domain/engine.js';
import { operations, perform, type Operation, type Operations, type Outcome, type Success } from './operations.js';
import { wipingService } from './wipe.js';

/** HsmService: cryptography with key tokens. Everybody but kms-service gets AccessDenied. */
export function cryptoService(engine: Engine): ServiceBinding {
  const table = operations(engine);
  const stream = pipeline<Operation, Outcome>({
    method: wipingService.pipeline,
    allow: isKms,
    handle: async (operation) => perform(table, operation),
  });
  return { definition: wipingService, implementation: { ...unaries(table), pipeline: stream } };
}

/** Whether the peer is kms-service: its name comes from the one URI of its certificate and is compared exactly. */
export function isKms(peer: Peer): boolean {
  return peer.kind === 'service' && peer.name === 'kms-service';
}

/** The same operations as unary RPCs. */
function unaries(table: Operations): UntypedServiceImplementation {
  const names = Object.keys(table) as Operation['$case'][];
  return Object.fromEntries(names.map((name) => [name, unaryOf(table, name)]));
}

function unaryOf(table: Operations, $case: Operation['$case']): handleUnaryCall<Operation['value'], Success['value']> {
  return unary(async (value, { peer }) => {
    if (!isKms(peer)) throw new KeysteadError('AccessDenied', 'Only kms-service may use this service.');
    return perform(table, { $case, value } as Operation).value;
  });
}

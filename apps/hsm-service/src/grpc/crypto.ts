import type { handleUnaryCall, UntypedServiceImplementation } from '@grpc/grpc-js';
import { KeysteadError } from '@keystead/errors';
import { pipeline, unary, type Peer, type ServiceBinding } from '@keystead/service';
import {
  makesKeyPair,
  operations,
  perform,
  type Engines,
  type Operation,
  type Operations,
  type Outcome,
  type Success,
} from './operations.js';
import { wipingService } from './wipe.js';

/** HsmService: cryptography with key tokens. Everybody but kms-service gets AccessDenied. */
export function cryptoService(engines: Engines): ServiceBinding {
  const table = operations(engines);
  const stream = pipeline<Operation, Outcome>({
    method: wipingService.pipeline,
    allow: isKms,
    handle: (operation) => perform(table, operation),
    slow: makesKeyPair,
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
    return (await perform(table, { $case, value } as Operation)).value;
  });
}

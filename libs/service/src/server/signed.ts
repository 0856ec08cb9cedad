import { ServerInterceptingCall, type Metadata, type ServerInterceptor } from '@grpc/grpc-js';
import { asKeysteadError } from '@keystead/errors';
import { grpcError } from '../errors.js';
import { hostOf } from './host.js';
import type { Authenticate, Signer } from './signer.js';

/** The metadata object is what an interceptor and the handler of a call have in common. */
const signers = new WeakMap<Metadata, Signer>();

/** Who signed the call, when it came in where signatures count. */
export const signerOf = (metadata: Metadata): Signer | undefined => signers.get(metadata);

/** Refuses what is not signed before any message of the call is read. */
export function signedCalls(authenticate: Authenticate): ServerInterceptor {
  return ({ path }, call) =>
    new ServerInterceptingCall(call, {
      start: (next) =>
        next({
          onReceiveMetadata: (metadata, admit) => {
            const head = { path, host: call.getHost(), metadata, sourceIp: hostOf(call.getPeer()) };
            authenticate(head).then(
              (signer) => {
                signers.set(metadata, signer);
                admit(metadata);
              },
              (thrown: unknown) => call.sendStatus(grpcError(asKeysteadError(thrown))),
            );
          },
        }),
    });
}

import type { Metadata } from '@grpc/grpc-js';
import type { Principal, Session } from '@keystead/proto/common';

/** Who signed a request, proven. */
export interface Caller {
  readonly principal: Principal;
  readonly session: Session | undefined;
  readonly accessKeyId: string;
}

/** The peer of a call or stream that was opened by a signature instead of a certificate. */
export interface Signer {
  readonly kind: 'signer';
  /** The :authority that was signed. */
  readonly host: string;
  /** Who it is, as long as the credential is good. Rejects with ExpiredToken, UnrecognizedClient, Unavailable. */
  caller(): Promise<Caller>;
}

/** What is known of a call before its first message is read. */
export interface SignedHead {
  /** "/package.Service/Method". */
  readonly path: string;
  /** The :authority. */
  readonly host: string;
  readonly metadata: Metadata;
  /** The address of the peer's end of the connection, without a port. */
  readonly sourceIp: string;
}

/** Proves who calls. Rejects with the KeysteadError that the caller gets. */
export type Authenticate = (head: SignedHead) => Promise<Signer>;

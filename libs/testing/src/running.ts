import type { ClientConfig, Credentials } from './credentials.js';

/** A Keystead that runs for tests, whether as processes or in a container. */
export interface RunningKeystead extends AsyncDisposable {
  /** The one endpoint of KMS, IAM, STS, CloudTrail and S3. */
  readonly endpoint: string;
  /** The gateway's own S3 port, for throughput. */
  readonly s3Endpoint: string;
  /** host:port of kms-service's gRPC; mTLS, with a certificate of `keystead client-cert`. */
  readonly kmsAddress: string;
  /** host:port of kms-service's gRPC for AWS credentials. */
  readonly kmsCredentialsAddress: string;
  /** The certificate of the local authority, PEM: `tls.ca` of a gRPC client with AWS credentials. */
  readonly authority: string;
  readonly region: string;
  /** The first administrator: account 000000000000, every right. */
  readonly credentials: Credentials;
  /** What an AWS SDK client is made with; S3 needs `forcePathStyle`, the others ignore it. */
  readonly clientConfig: ClientConfig;
  /** Forgets every key, user and object (the log stays; look-ups begin anew). */
  reset(): Promise<void>;
  /** Stops everything in order. */
  stop(): Promise<unknown>;
}

/** POST /_keystead/reset, which test mode alone has. */
export async function reset(endpoint: string): Promise<void> {
  const answer = await fetch(`${endpoint}/_keystead/reset`, { method: 'POST' });
  if (!answer.ok) throw new Error(`Keystead could not be reset: HTTP ${answer.status}: ${await answer.text()}`);
}

import { AbstractStartedContainer, GenericContainer, Wait, type StartedTestContainer } from 'testcontainers';
import { newCredentials, region, type ClientConfig, type Credentials } from './credentials.js';

const ports = { endpoint: 4566, s3: 4567, kms: 4568 } as const;

/**
 * Keystead from its own image, with everything in one container (`keystead up`): embedded PostgreSQL, a directory as the object
 * backend. The image is KEYSTEAD_IMAGE or `keystead/keystead:dev`, built by deploy/Dockerfile.
 *
 * ```ts
 * await using keystead = await new KeysteadContainer().start();
 * const kms = new KMSClient(keystead.clientConfig);
 * ```
 */
export class KeysteadContainer extends GenericContainer {
  #administrator: Credentials = newCredentials();

  constructor(image = process.env['KEYSTEAD_IMAGE'] ?? 'keystead/keystead:dev') {
    super(image);
    this.withCommand(['up'])
      .withExposedPorts(...Object.values(ports))
      .withEnvironment({ KEYSTEAD_TEST_MODE: '1' })
      .withWaitStrategy(Wait.forHttp('/_keystead/health', ports.endpoint))
      .withStartupTimeout(120_000);
  }

  /** The first administrator's access key, instead of a random one. */
  withAdministrator(credentials: Credentials): this {
    this.#administrator = credentials;
    return this;
  }

  override async start(): Promise<StartedKeysteadContainer> {
    this.withEnvironment({
      KEYSTEAD_ADMIN_ACCESS_KEY_ID: this.#administrator.accessKeyId,
      KEYSTEAD_ADMIN_SECRET_ACCESS_KEY: this.#administrator.secretAccessKey,
    });
    return new StartedKeysteadContainer(await super.start(), this.#administrator);
  }
}

export class StartedKeysteadContainer extends AbstractStartedContainer {
  readonly region = region;
  /** The first administrator: account 000000000000, every right. */
  readonly credentials: Credentials;

  constructor(started: StartedTestContainer, credentials: Credentials) {
    super(started);
    this.credentials = credentials;
  }

  /** The one endpoint of KMS, IAM, STS, CloudTrail and S3. */
  get endpoint(): string {
    return this.#url(ports.endpoint);
  }

  /** The gateway's own S3 port, for throughput. */
  get s3Endpoint(): string {
    return this.#url(ports.s3);
  }

  /** host:port of kms-service's gRPC; mTLS, with a certificate of `keystead client-cert`. */
  get kmsAddress(): string {
    return `${this.getHost()}:${this.getMappedPort(ports.kms)}`;
  }

  /** What an AWS SDK client is made with; S3 needs `forcePathStyle`, the others ignore it. */
  get clientConfig(): ClientConfig {
    return { endpoint: this.endpoint, region, credentials: this.credentials, forcePathStyle: true };
  }

  /** Forgets every key, user and object (the log stays; look-ups begin anew). */
  async reset(): Promise<void> {
    const answer = await fetch(`${this.endpoint}/_keystead/reset`, { method: 'POST' });
    if (!answer.ok) throw new Error(`Keystead could not be reset: HTTP ${answer.status}: ${await answer.text()}`);
  }

  #url(port: number): string {
    return `http://${this.getHost()}:${this.getMappedPort(port)}`;
  }
}

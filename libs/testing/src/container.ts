import { AbstractStartedContainer, GenericContainer, Wait, type StartedTestContainer } from 'testcontainers';
import { newCredentials, region, type ClientConfig, type Credentials } from './credentials.js';
import { reset, type RunningKeystead } from './running.js';

const ports = { endpoint: 4566, s3: 4567, kms: 4568, kmsCredentials: 4569 } as const;

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
    const started = await super.start();
    try {
      return new StartedKeysteadContainer(started, this.#administrator, await authorityOf(started));
    } catch (error) {
      await started.stop();
      throw error;
    }
  }
}

async function authorityOf(started: StartedTestContainer): Promise<string> {
  const { exitCode, stdout, stderr } = await started.exec(['cat', '/data/ca/ca.crt']);
  if (exitCode !== 0) throw new Error(`The certificate of Keystead's authority cannot be read: ${stderr}`);
  return stdout;
}

/** Keystead in a container. */
export class StartedKeysteadContainer extends AbstractStartedContainer implements RunningKeystead {
  readonly region = region;
  readonly credentials: Credentials;
  readonly authority: string;

  constructor(started: StartedTestContainer, credentials: Credentials, authority: string) {
    super(started);
    this.credentials = credentials;
    this.authority = authority;
  }

  get endpoint(): string {
    return this.#url(ports.endpoint);
  }

  get s3Endpoint(): string {
    return this.#url(ports.s3);
  }

  get kmsAddress(): string {
    return this.#address(ports.kms);
  }

  get kmsCredentialsAddress(): string {
    return this.#address(ports.kmsCredentials);
  }

  get clientConfig(): ClientConfig {
    return { endpoint: this.endpoint, region, credentials: this.credentials, forcePathStyle: true };
  }

  reset(): Promise<void> {
    return reset(this.endpoint);
  }

  #url(port: number): string {
    return `http://${this.#address(port)}`;
  }

  #address(port: number): string {
    return `${this.getHost()}:${this.getMappedPort(port)}`;
  }
}

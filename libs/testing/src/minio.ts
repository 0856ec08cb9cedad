import { randomBytes } from 'node:crypto';
import { GenericContainer, Wait } from 'testcontainers';
import { whyNoContainer, type Environment } from './engine.js';

/** An S3 store for tests: MinIO, or what TEST_S3_ENDPOINT names. */
export interface Minio {
  /** http://host:port */
  readonly endpoint: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly region: string;
  /** Where it comes from, for the log. */
  readonly origin: string;
  stop(): Promise<void>;
}

/** Either the store, or the reason why there is none: hand it to `ctx.skip`. */
export type MinioOrReason =
  { readonly minio: Minio; readonly reason?: undefined } | { readonly minio: undefined; readonly reason: string };

const region = 'us-east-1';

/**
 * TEST_S3_ENDPOINT where it is set (with TEST_S3_ACCESS_KEY_ID and TEST_S3_SECRET_ACCESS_KEY, `minioadmin` by default); else a
 * container of KEYSTEAD_MINIO_IMAGE (`minio/minio`), when an engine answers. Throws instead of giving a reason where
 * KEYSTEAD_REQUIRE_CONTAINERS=1.
 */
export async function startMinio(env: Environment = process.env): Promise<MinioOrReason> {
  const endpoint = env['TEST_S3_ENDPOINT'];
  if (endpoint) return { minio: given(endpoint, env) };
  const image = env['KEYSTEAD_MINIO_IMAGE'] ?? 'minio/minio:latest';
  const reason = await whyNoContainer(image, env);
  return reason ? { minio: undefined, reason: `no S3 store: ${reason}` } : { minio: await container(image) };
}

function given(endpoint: string, env: Environment): Minio {
  return {
    endpoint,
    accessKeyId: env['TEST_S3_ACCESS_KEY_ID'] ?? 'minioadmin',
    secretAccessKey: env['TEST_S3_SECRET_ACCESS_KEY'] ?? 'minioadmin',
    region,
    origin: 'TEST_S3_ENDPOINT',
    stop: async () => undefined,
  };
}

async function container(image: string): Promise<Minio> {
  const secretAccessKey = randomBytes(20).toString('hex');
  const started = await new GenericContainer(image)
    .withCommand(['server', '/data'])
    .withEnvironment({ MINIO_ROOT_USER: 'keystead-test', MINIO_ROOT_PASSWORD: secretAccessKey })
    .withExposedPorts(9000)
    .withWaitStrategy(Wait.forHttp('/minio/health/live', 9000))
    .start();
  return {
    endpoint: `http://${started.getHost()}:${started.getMappedPort(9000)}`,
    accessKeyId: 'keystead-test',
    secretAccessKey,
    region,
    origin: `container of ${image}`,
    stop: async () => {
      await started.stop();
    },
  };
}

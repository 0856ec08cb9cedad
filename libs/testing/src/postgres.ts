import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { withClient } from '@keystead/db';
import { startEmbedded } from '@keystead/db/embedded';

/** A PostgreSQL for tests, with an administrator who may make databases and roles. */
export interface TestPostgres {
  readonly adminUrl: string;
  readonly adminPassword: string;
  /** Where it comes from, for the log. */
  readonly origin: string;
  stop(): Promise<void>;
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * TEST_DATABASE_URL where it is set (with the password in it); else a container, when KEYSTEAD_REQUIRE_CONTAINERS=1 demands one
 * or a Docker engine answers and has the image (KEYSTEAD_POSTGRES_IMAGE); else the embedded binaries, with fsync off.
 */
export async function startTestPostgres(env: Environment): Promise<TestPostgres> {
  const url = env['TEST_DATABASE_URL'];
  if (url)
    return {
      adminUrl: url,
      adminPassword: decodeURIComponent(new URL(url).password),
      origin: 'TEST_DATABASE_URL',
      stop: async () => undefined,
    };
  if (env['KEYSTEAD_REQUIRE_CONTAINERS'] === '1') return container(env);
  return (await containerIfThere(env)) ?? embedded();
}

async function containerIfThere(env: Environment): Promise<TestPostgres | undefined> {
  try {
    const { ImageName, getContainerRuntimeClient } = await import('testcontainers');
    const { image } = await getContainerRuntimeClient();
    if (!(await image.exists(ImageName.fromString(imageName(env))))) return undefined;
    return await container(env);
  } catch {
    return undefined; // no engine, or one that cannot run it: nobody demanded it
  }
}

const imageName = (env: Environment): string => env['KEYSTEAD_POSTGRES_IMAGE'] ?? 'postgres:17';

async function container(env: Environment): Promise<TestPostgres> {
  const { GenericContainer, Wait } = await import('testcontainers');
  const adminPassword = 'only-for-tests';
  const started = await new GenericContainer(imageName(env))
    .withEnvironment({ POSTGRES_PASSWORD: adminPassword })
    .withExposedPorts(5432)
    .withWaitStrategy(Wait.forListeningPorts())
    .start();
  const adminUrl = `postgresql://postgres@${started.getHost()}:${started.getMappedPort(5432)}/postgres`;
  await answering({ adminUrl, adminPassword });
  return {
    adminUrl,
    adminPassword,
    origin: `container of ${imageName(env)}`,
    stop: async () => {
      await started.stop();
    },
  };
}

/** The image starts a first, short-lived server for its own setup: the port alone says too little. */
async function answering(admin: { adminUrl: string; adminPassword: string }): Promise<void> {
  for (let attempt = 0, inRow = 0; inRow < 3; attempt++) {
    try {
      await withClient(admin, (client) => client.query('select 1'));
      inRow++;
    } catch (error) {
      if (attempt > 150) throw error;
      inRow = 0;
    }
    await new Promise((later) => setTimeout(later, 200));
  }
}

async function embedded(): Promise<TestPostgres> {
  const directory = mkdtempSync(join(tmpdir(), 'keystead-test-postgres-'));
  const settings = { fsync: 'off', full_page_writes: 'off', synchronous_commit: 'off', max_connections: '200' };
  const server = await startEmbedded({ directory, settings });
  const stopAndRemove = async (): Promise<void> => {
    await server.stop();
    rmSync(directory, { recursive: true, force: true });
  };
  const { adminUrl, adminPassword } = server;
  return { adminUrl, adminPassword, origin: 'embedded binaries', stop: stopAndRemove };
}

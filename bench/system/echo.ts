import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { createAuthority, principalName, serviceName } from '@keystead/pki';
import { build } from 'esbuild';
import type { Target } from '../http/connection.js';
import { issueInto, trustDomain } from './certificates.js';
import { startService } from './child.js';
import { root } from './keystead.js';

/** The same processes as Keystead's way of a request, doing nothing. */
export interface Echo {
  readonly pids: readonly number[];
  readonly edge: Target;
  /** kms-service's gRPC. */
  readonly grpc: string;
  /** The folder with a principal's certificate. */
  readonly client: string;
  stop(): Promise<void>;
}

/** The echoes keep optimized code over pauses, as services do: a slice measures work and not compilers. */
const flags = ['--no-memory-reducer'];

const parts = { audit: 'audit-service', hsm: 'hsm-service', kms: 'kms-service', edge: 'edge' } as const;

/** Bundles and starts the echoes; `folder` gets bundles, certificates and logs. */
export async function startEcho(folder: string): Promise<Echo> {
  mkdirSync(folder, { recursive: true });
  await bundle(folder);
  const authority = await createAuthority('Keystead bench CA', new Date());
  const running: Awaited<ReturnType<typeof startService>>[] = [];
  const start = async (part: keyof typeof parts, env: Readonly<Record<string, string>>): Promise<string> => {
    const tls = await issueInto(join(folder, `tls-${part}`), authority, serviceName(trustDomain, parts[part]));
    const all = { KEYSTEAD_TLS_DIR: tls, KEYSTEAD_SUPERVISED: '1', KEYSTEAD_LOG_LEVEL: 'info', ...env };
    const service = await startService(join(folder, `${part}.mjs`), all, join(folder, `${part}.log`), flags);
    running.push(service);
    return service.address;
  };
  const audit = await start('audit', {});
  const hsm = await start('hsm', {});
  const kms = await start('kms', { KEYSTEAD_HSM_ADDRESS: hsm, KEYSTEAD_AUDIT_ADDRESS: audit });
  const edge = await start('edge', { KEYSTEAD_KMS_ADDRESS: kms });
  const administrator = principalName(trustDomain, 'AIDABENCH', 'arn:aws:iam::000000000000:user/administrator');
  return {
    pids: running.map(({ pid }) => pid),
    edge: { host: '127.0.0.1', port: Number(edge.slice(edge.lastIndexOf(':') + 1)) },
    grpc: kms,
    client: await issueInto(join(folder, 'tls-client'), authority, administrator),
    stop: async () => {
      for (const service of running.reverse()) await service.stop();
    },
  };
}

/** As tools/bundle.mjs bundles the services, so that both sides are compiled alike. */
async function bundle(folder: string): Promise<void> {
  const require = `import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);`;
  await build({
    ...{ bundle: true, platform: 'node', target: 'node20', format: 'esm', logLevel: 'error' },
    absWorkingDir: root,
    entryPoints: Object.keys(parts).map((part) => `bench/echo/${part}.ts`),
    outdir: folder,
    outExtension: { '.js': '.mjs' },
    conditions: ['@keystead/source'],
    banner: { js: require },
  });
}

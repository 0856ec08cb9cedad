import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { createAuthority, serviceName } from '@keystead/pki';
import { type Call, HsmServiceService, type Result } from '@keystead/proto/hsm';
import { pipelineClient, tlsIdentity, type PipelineClient } from '@keystead/service';
import { issueInto, trustDomain } from './certificates.js';
import { type Child, startService } from './child.js';
import { root } from './keystead.js';

type Operation = NonNullable<Call['operation']>;
type Outcome = NonNullable<Result['outcome']>;

/** hsm-service alone, and a stream to it with kms-service's certificate. */
export interface Hsm extends Child {
  readonly client: PipelineClient<Operation, Outcome>;
}

/** As the launcher and the image start it: what it frees is overwritten. */
const flags = [
  ...['--expose-gc', '--clear-free-memory', '--initial-old-space-size=64'],
  ...['--disable-proto=delete', '--disallow-code-generation-from-strings'],
  ...['--no-parallel-scavenge', '--no-concurrent-array-buffer-sweeping', '--no-memory-reducer'],
];
const forgetful = 'glibc.malloc.perturb=85:glibc.malloc.tcache_count=0:glibc.malloc.mxfast=160';

/** Starts hsm-service from its bundle on a fresh root; `folder` gets root, certificates and log. */
export async function startHsm(folder: string): Promise<Hsm> {
  mkdirSync(folder, { recursive: true });
  const authority = await createAuthority('Keystead bench CA', new Date());
  const identity = (service: string): Promise<string> =>
    issueInto(join(folder, `tls-${service}`), authority, serviceName(trustDomain, service));
  const env = {
    KEYSTEAD_TLS_DIR: await identity('hsm-service'),
    KEYSTEAD_ROOT_DIR: join(folder, 'root'),
    KEYSTEAD_ROOT_KEY_FILE: join(folder, 'root.key'),
    KEYSTEAD_SUPERVISED: '1',
    GLIBC_TUNABLES: forgetful,
  };
  const service = await startService(join(root, 'dist/hsm-service/main.mjs'), env, join(folder, 'hsm.log'), flags);
  const tls = tlsIdentity(await identity('kms-service'));
  const { address, pid } = service;
  const client = pipelineClient<Operation, Outcome>({
    ...{ method: HsmServiceService.pipeline, address, tls, expected: 'hsm-service' },
  });
  const stop = async (): Promise<void> => {
    client.close();
    tls.close();
    await service.stop();
  };
  return { pid, client, stop };
}

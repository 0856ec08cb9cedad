import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { createAuthority, serviceName } from '@keystead/pki';
import { type Call, HsmServiceService, type Result } from '@keystead/proto/hsm';
import { pipelineClient, tlsIdentity, type PipelineClient } from '@keystead/service';
import { runtimeOf } from '@keystead/service/runtime';
import { issueInto, trustDomain } from './certificates.js';
import { type Child, startService } from './child.js';
import { root } from './keystead.js';

type Operation = NonNullable<Call['operation']>;
type Outcome = NonNullable<Result['outcome']>;

/** hsm-service alone, and a stream to it with kms-service's certificate. */
export interface Hsm extends Child {
  readonly client: PipelineClient<Operation, Outcome>;
}

/** Starts hsm-service from its bundle on a fresh root; `folder` gets root, certificates and log. */
export async function startHsm(folder: string): Promise<Hsm> {
  mkdirSync(folder, { recursive: true });
  const authority = await createAuthority('Keystead bench CA', new Date());
  const identity = (service: string): Promise<string> =>
    issueInto(join(folder, `tls-${service}`), authority, serviceName(trustDomain, service));
  const { flags, env: tunables } = runtimeOf('hsm-service');
  const env = {
    ...tunables,
    KEYSTEAD_TLS_DIR: await identity('hsm-service'),
    KEYSTEAD_ROOT_DIR: join(folder, 'root'),
    KEYSTEAD_ROOT_KEY_FILE: join(folder, 'root.key'),
    KEYSTEAD_SUPERVISED: '1',
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

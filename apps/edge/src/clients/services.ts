import { AuditServiceService, type Call as AuditCall, type Result as AuditResult } from '@keystead/proto/audit';
import { IamServiceService } from '@keystead/proto/iam';
import type { Call as IamCall, Result as IamResult } from '@keystead/proto/iam-query';
import { type Call as KmsCall, KmsServiceService, type Result as KmsResult } from '@keystead/proto/kms';
import { lease, pipelineClient, type TlsIdentity } from '@keystead/service';
import { signingKeySource } from '@keystead/service/signing';
import type { Config } from '../config.js';

type Operation<Call extends { operation: unknown }> = NonNullable<Call['operation']>;
type Outcome<Result extends { outcome: unknown }> = NonNullable<Result['outcome']>;

/** Reads of the other services that may be sent again when a stream breaks. */
const pure = /^(decrypt|describe|encrypt|generate|get|list|lookup|reEncrypt)/;
const idempotent = ({ $case }: { readonly $case: string }): boolean => pure.test($case);

/** The services behind edge: one coalescing stream each. */
export interface Services {
  readonly kms: ReturnType<typeof openKms>;
  readonly iam: ReturnType<typeof openIam>;
  readonly audit: ReturnType<typeof openAudit>;
  readonly signingKeys: ReturnType<typeof signingKeySource>;
  /** True when every stream is open. */
  ready(): boolean;
  close(): void;
}

export function openServices(config: Config, tls: TlsIdentity): Services {
  const kms = openKms(config, tls);
  const iam = openIam(config, tls);
  const audit = openAudit(config, tls);
  const changes = lease({
    address: config.iamAddress,
    tls,
    expected: 'iam-service',
    subscriber: `edge/${process.pid}`,
  });
  const signingKeys = signingKeySource({ address: config.iamAddress, tls, changes });
  return {
    kms,
    iam,
    audit,
    signingKeys,
    ready: () => kms.ready && iam.ready && audit.ready,
    close: () => {
      for (const part of [signingKeys, changes, kms, iam, audit]) part.close();
    },
  };
}

function openKms({ kmsAddress }: Config, tls: TlsIdentity) {
  const method = KmsServiceService.pipeline;
  return pipelineClient<Operation<KmsCall>, Outcome<KmsResult>>({
    method,
    address: kmsAddress,
    tls,
    expected: 'kms-service',
    idempotent,
  });
}

function openIam({ iamAddress }: Config, tls: TlsIdentity) {
  const method = IamServiceService.pipeline;
  return pipelineClient<Operation<IamCall>, Outcome<IamResult>>({
    method,
    address: iamAddress,
    tls,
    expected: 'iam-service',
    idempotent,
  });
}

function openAudit({ auditAddress }: Config, tls: TlsIdentity) {
  const method = AuditServiceService.pipeline;
  // Records are deduplicated by their event id, so that one may be sent twice.
  const twice = ({ $case }: { readonly $case: string }): boolean => $case === 'append' || pure.test($case);
  return pipelineClient<Operation<AuditCall>, Outcome<AuditResult>>({
    method,
    address: auditAddress,
    tls,
    expected: 'audit-service',
    idempotent: twice,
  });
}

/** The service principals of this system. */
export type ServicePrincipal = 'iam.keystead.internal' | 's3.keystead.internal' | 'audit.keystead.internal';

const cryptographic = [
  'Encrypt',
  'Decrypt',
  'ReEncrypt',
  'GenerateDataKey',
  'GenerateDataKeyWithoutPlaintext',
  'DescribeKey',
];

/** Each service has one key of its own, by its reserved alias, and does nothing else. Never decided by iam-service: no circles. */
const table: Readonly<Record<ServicePrincipal, string>> = {
  'iam.keystead.internal': 'alias/keystead/iam',
  's3.keystead.internal': 'alias/keystead/s3',
  'audit.keystead.internal': 'alias/keystead/audit',
};

/** The key with which kms-service seals grant tokens; no principal may use it. */
export const ownAlias = 'alias/keystead/kms';

/** The aliases of the services' keys: made at the first start. */
export const serviceAliases: readonly string[] = [...Object.values(table), ownAlias];

/** The alias of the only key that a service principal may use; undefined for a name that is none. */
export function serviceAlias(principal: string): string | undefined {
  return Object.hasOwn(table, principal) ? table[principal as ServicePrincipal] : undefined;
}

/** Whether a service principal may do this with a key of these aliases. */
export function serviceAllowed(principal: string, operation: string, aliases: readonly string[]): boolean {
  if (operation === 'GenerateRandom') return serviceAlias(principal) !== undefined;
  const alias = serviceAlias(principal);
  return alias !== undefined && aliases.includes(alias) && cryptographic.includes(operation);
}

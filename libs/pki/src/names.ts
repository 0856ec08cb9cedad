/** The SPIFFE name of a service: exactly one URI in its certificate, compared exactly. */
export function serviceName(trustDomain: string, service: string): string {
  return `spiffe://${trustDomain}/svc/${service}`;
}

/** The name of an operator's certificate (the `keystead` CLI). */
export function operatorName(trustDomain: string, operator: string): string {
  return `spiffe://${trustDomain}/operator/${operator}`;
}

/**
 * The name of an IAM principal's certificate. It holds the unique id, so that a user who is deleted and
 * made again under the same name is not let in by the old certificate.
 */
export function principalName(trustDomain: string, uniqueId: string, arn: string): string {
  return `spiffe://${trustDomain}/principal/${uniqueId}/${arn}`;
}

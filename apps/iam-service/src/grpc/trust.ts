import type { Role, Trust } from '../domain/entities.js';
import { bindTrust, shownTrust, type WrittenTrust } from '../domain/trust-policy.js';
import type { Work } from './operation.js';

/** Binds a trust policy to the principals that exist now. Throws MalformedPolicyDocument. */
export async function boundTrust(written: WrittenTrust, { resolve }: Work): Promise<Trust> {
  const found = new Map<string, string>();
  for (const name of written.principals) {
    const principal = await resolve(name);
    if (principal) found.set(name, principal.uniqueId);
  }
  return bindTrust(written, found);
}

/** The trust policy as IAM shows it: who is gone appears by unique id. */
export async function trustShown({ trust }: Role, { resolve }: Work): Promise<string> {
  const present = new Set<string>();
  for (const [arn, uniqueId] of Object.entries(trust.principals)) {
    if ((await resolve(arn))?.uniqueId === uniqueId) present.add(uniqueId);
  }
  return shownTrust(trust, (uniqueId) => present.has(uniqueId));
}

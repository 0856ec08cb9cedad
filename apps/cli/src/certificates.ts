import { join } from 'node:path';
import { createAuthority, issueCertificate, operatorName, serviceName, type KeyPair } from '@keystead/pki';
import { readIfThere, writePrivate } from './files.js';

/** Every service that has a certificate. */
export const services = [
  'audit-service',
  'hsm-service',
  'kms-service',
  'iam-service',
  'object-store-gateway',
  'edge',
] as const;

/** How long a service's certificate is valid; it is renewed at half of it. */
export const certificateHours = 24;

/** The authority kept in a folder (ca.crt, ca.key of mode 0600); made when it is not there. */
export async function openAuthority(folder: string, now: Date): Promise<KeyPair> {
  const certificate = readIfThere(join(folder, 'ca.crt'));
  const key = readIfThere(join(folder, 'ca.key'));
  if (certificate !== undefined && key !== undefined) return { certificate, key };
  const authority = await createAuthority('Keystead local CA', now);
  writePrivate(join(folder, 'ca.key'), authority.key);
  writePrivate(join(folder, 'ca.crt'), authority.certificate);
  return authority;
}

/** Writes a folder as services read it: ca.crt, tls.crt, tls.key. */
export function writeIdentity(folder: string, authority: KeyPair, issued: KeyPair): void {
  writePrivate(join(folder, 'ca.crt'), authority.certificate);
  writePrivate(join(folder, 'tls.key'), issued.key);
  writePrivate(join(folder, 'tls.crt'), issued.certificate);
}

/** What a service's certificate names beside its SPIFFE URI, so that other people's tools can connect too. */
export interface HostNames {
  readonly dnsNames?: readonly string[];
  readonly addresses?: readonly string[];
}

/** Issues fresh certificates for services, each into its own folder. */
export async function issueServices(
  authority: KeyPair,
  trustDomain: string,
  folders: ReadonlyMap<string, string>,
  now: Date,
  { dnsNames = [], addresses = [] }: HostNames = {},
): Promise<void> {
  for (const [service, folder] of folders) {
    const issued = await issueCertificate(authority, {
      uri: serviceName(trustDomain, service),
      dnsNames: ['localhost', service, ...dnsNames],
      addresses: ['127.0.0.1', ...addresses],
      from: now,
      hours: certificateHours,
    });
    writeIdentity(folder, authority, issued);
  }
}

/** A short-lived certificate for the CLI itself. */
export function issueOperator(authority: KeyPair, trustDomain: string, operator: string, now: Date): Promise<KeyPair> {
  return issueCertificate(authority, { uri: operatorName(trustDomain, operator), from: now, hours: 1 });
}

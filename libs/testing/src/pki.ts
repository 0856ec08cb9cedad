import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createAuthority, issueCertificate, serviceName, type KeyPair } from '@keystead/pki';

export interface TestPki extends Disposable {
  readonly trustDomain: string;
  readonly authority: KeyPair;
  /** The folder with ca.crt, tls.crt and tls.key of a service (KEYSTEAD_TLS_DIR); made at the first call. */
  dir(service: string): Promise<string>;
  /** The same for any URI name, or none: for operators, principals, and certificates that must be refused. */
  dirFor(uri: string | undefined, options?: { folder?: string; hours?: number }): Promise<string>;
  /** Renews a service's certificate in place, as cert-manager does. */
  renew(service: string): Promise<void>;
}

/** A certificate authority for one test, in a temporary folder that goes with it. */
export async function testPki(trustDomain = 'keystead.local'): Promise<TestPki> {
  const root = mkdtempSync(join(tmpdir(), 'keystead-pki-'));
  const authority = await createAuthority('Keystead test CA', new Date());
  const made = new Map<string, Promise<string>>();
  const issue = async (folder: string, uri: string | undefined, hours = 24): Promise<string> => {
    const names = { dnsNames: ['localhost'], addresses: ['127.0.0.1'] };
    const pair = await issueCertificate(authority, {
      ...names,
      ...(uri === undefined ? {} : { uri }),
      from: new Date(),
      hours,
    });
    return write(join(root, folder), {
      'ca.crt': authority.certificate,
      'tls.crt': pair.certificate,
      'tls.key': pair.key,
    });
  };
  const renewed = (service: string): Promise<string> => {
    const folder = issue(service, serviceName(trustDomain, service));
    made.set(service, folder);
    return folder;
  };
  let others = 0;
  return {
    trustDomain,
    authority,
    dir: (service) => made.get(service) ?? renewed(service),
    dirFor: (uri, { folder = `other-${others++}`, hours } = {}) => issue(folder, uri, hours),
    renew: async (service) => {
      await renewed(service);
    },
    [Symbol.dispose]: () => rmSync(root, { recursive: true, force: true }),
  };
}

function write(folder: string, files: Readonly<Record<string, string>>): string {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  for (const [name, text] of Object.entries(files)) {
    writeFileSync(join(folder, `${name}.new`), text, { mode: 0o600 });
    renameSync(join(folder, `${name}.new`), join(folder, name));
  }
  return folder;
}

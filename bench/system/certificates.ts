import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { issueCertificate, type KeyPair } from '@keystead/pki';

export const trustDomain = 'keystead.local';

/** The authority of a data folder: whoever runs the installation may issue more certificates. */
export function authorityOf(data: string): KeyPair {
  const read = (name: string): string => readFileSync(join(data, 'ca', name), 'utf8');
  return { certificate: read('ca.crt'), key: read('ca.key') };
}

/** Issues a certificate into a folder as services read it; gives the folder. */
export async function issueInto(folder: string, authority: KeyPair, uri: string): Promise<string> {
  const issued = await issueCertificate(authority, {
    ...{ uri, dnsNames: ['localhost'], addresses: ['127.0.0.1'], from: new Date(), hours: 24 },
  });
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  writeFileSync(join(folder, 'ca.crt'), authority.certificate);
  writeFileSync(join(folder, 'tls.key'), issued.key, { mode: 0o600 });
  writeFileSync(join(folder, 'tls.crt'), issued.certificate);
  return folder;
}

import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { createSecureContext, type SecureContext } from 'node:tls';
import { ConfigError } from '../config.js';
import { onlyUri, trustDomainOf } from './spiffe.js';

/** The three files as they stand in the folder, PEM. */
export interface TlsMaterial {
  readonly ca: Buffer;
  readonly cert: Buffer;
  readonly key: Buffer;
  /** The one URI name of the certificate. */
  readonly spiffe: string;
  readonly trustDomain: string;
  readonly notAfter: Date;
  /** For outgoing connections; TLS 1.3 only. */
  readonly context: SecureContext;
}

/** What a client trusts. */
export interface Trust {
  readonly current: Pick<TlsMaterial, 'context'>;
  readonly trustDomain: string;
  /** Calls `listener` after each change; returns how to stop that. */
  onChange(listener: () => void): () => void;
  /** Stops watching the files. */
  close(): void;
}

/** The certificate of this process. It follows the files: no restart when they are renewed. */
export interface TlsIdentity extends Trust {
  readonly current: TlsMaterial;
  onChange(listener: (material: TlsMaterial) => void): () => void;
}

/** For a client without a certificate: `ca` (PEM) says which servers of `trustDomain` are genuine. Throws ConfigError. */
export function trustIn(ca: string | Buffer, trustDomain: string): Trust {
  if (!/^[a-z0-9._-]+$/.test(trustDomain)) throw new ConfigError(`"${trustDomain}" is no trust domain.`);
  // Without this OpenSSL would take an empty text for "no certificates" and trust nobody, which is hard to tell apart.
  parse('ca', () => new X509Certificate(ca));
  const context = parse('ca', () => createSecureContext({ ca, ...tlsVersion }));
  return { current: { context }, trustDomain, onChange: () => () => undefined, close: () => undefined };
}

const files = ['ca.crt', 'tls.crt', 'tls.key'] as const;

/**
 * Reads ca.crt, tls.crt and tls.key (PEM) of `dir` and looks at them again every `pollMs`. A half-written or
 * mismatched set is ignored until it is whole; at start it throws ConfigError.
 */
export function tlsIdentity(dir: string, { pollMs = 2_000 } = {}): TlsIdentity {
  let current = readMaterial(dir);
  let seen = '';
  const listeners = new Set<(material: TlsMaterial) => void>();
  const poll = async (): Promise<void> => {
    const stamp = await stampOf(dir);
    if (stamp === undefined || stamp === seen) return;
    try {
      const next = readMaterial(dir);
      seen = stamp;
      if (same(next, current)) return;
      current = next;
    } catch {
      return; // being written: the next look finds it whole
    }
    for (const listener of listeners) listener(current);
  };
  const timer = setInterval(() => void poll(), pollMs).unref();
  return {
    get current() {
      return current;
    },
    get trustDomain() {
      return current.trustDomain;
    },
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close: () => clearInterval(timer),
  };
}

/** The tls options that every listener and connection of ours shares. */
export const tlsVersion = { minVersion: 'TLSv1.3' } as const;

function readMaterial(dir: string): TlsMaterial {
  const [ca, cert, key] = files.map((file) => readPem(dir, file)) as [Buffer, Buffer, Buffer];
  const certificate = parse(dir, () => new X509Certificate(cert));
  const spiffe = onlyUri(certificate.subjectAltName);
  const trustDomain = spiffe === undefined ? undefined : trustDomainOf(spiffe);
  if (spiffe === undefined || trustDomain === undefined)
    throw new ConfigError(`${dir}: tls.crt must have exactly one spiffe:// name.`);
  // Throws when the key does not belong to the certificate.
  const context = parse(dir, () => createSecureContext({ ca, cert, key, ...tlsVersion }));
  return { ca, cert, key, spiffe, trustDomain, notAfter: new Date(certificate.validTo), context };
}

function readPem(dir: string, file: string): Buffer {
  try {
    return readFileSync(join(dir, file));
  } catch (error) {
    throw new ConfigError(`The TLS folder lacks a file: ${(error as Error).message}.`);
  }
}

function parse<T>(dir: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new ConfigError(`${dir} holds a certificate or key that cannot be used: ${(error as Error).message}.`);
  }
}

async function stampOf(dir: string): Promise<string | undefined> {
  try {
    const stats = await Promise.all(files.map((file) => stat(join(dir, file))));
    return stats.map(({ mtimeMs, ino, size }) => `${mtimeMs}/${ino}/${size}`).join();
  } catch {
    return undefined;
  }
}

const same = (a: TlsMaterial, b: TlsMaterial): boolean =>
  a.ca.equals(b.ca) && a.cert.equals(b.cert) && a.key.equals(b.key);

import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import { ConfigError, type Logger } from '@keystead/service';
import type { EndpointFiles } from '../config.js';

/** A certificate and its key, PEM. */
export interface EndpointCertificate {
  readonly cert: Buffer;
  readonly key: Buffer;
}

const pollMs = 5_000;

/** Reads the pair that AWS's clients are shown. Throws ConfigError when it cannot be used. */
export function readEndpointCertificate({ cert, key }: EndpointFiles): EndpointCertificate {
  try {
    return usable({ cert: readFileSync(cert), key: readFileSync(key) });
  } catch (error) {
    throw new ConfigError(`The certificate of the endpoint cannot be used: ${(error as Error).message}.`);
  }
}

/** Looks at the files again and again; `changed` gets each new pair. A pair that does not fit together is passed over. */
export function watchEndpointCertificate(
  files: EndpointFiles,
  first: EndpointCertificate,
  changed: (pair: EndpointCertificate) => void,
  log: Logger,
): { close(): void } {
  let current = first;
  const look = async (): Promise<void> => {
    const next = { cert: await readFile(files.cert), key: await readFile(files.key) };
    if (next.cert.equals(current.cert) && next.key.equals(current.key)) return;
    changed(usable(next));
    current = next;
    log.info('the certificate of the endpoint was renewed');
  };
  const timer = setInterval(() => {
    look().catch((err: unknown) => log.warn({ err }, 'the certificate of the endpoint cannot be renewed'));
  }, pollMs).unref();
  return { close: () => clearInterval(timer) };
}

function usable(pair: EndpointCertificate): EndpointCertificate {
  createSecureContext({ cert: pair.cert, key: pair.key });
  return pair;
}

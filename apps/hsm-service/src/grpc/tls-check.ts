import { connect } from 'node:tls';
import { ConfigError, splitAddress, type Address, type TlsIdentity } from '@keystead/service';

type Version = 'TLSv1.2' | 'TLSv1.3';

/**
 * Connects to our own listener as a client would, and throws ConfigError unless it speaks TLS 1.3 and refuses 1.2:
 * options of Node or of OpenSSL's configuration file can change either behind our back.
 */
export async function requireTls13(address: Address, tls: TlsIdentity): Promise<void> {
  const [old, current] = await Promise.all([accepts(address, tls, 'TLSv1.2'), accepts(address, tls, 'TLSv1.3')]);
  if (!old && current) return;
  const what = old ? 'accepts TLS 1.2' : 'cannot speak TLS 1.3';
  throw new ConfigError(`This process ${what}; look at NODE_OPTIONS and OpenSSL's configuration.`);
}

function accepts(address: Address, tls: TlsIdentity, version: Version): Promise<boolean> {
  const { host, port } = splitAddress(address);
  const { ca, cert, key } = tls.current;
  return new Promise((answer) => {
    const versions = { minVersion: version, maxVersion: version };
    // Whom we meet does not matter here: no secret is sent.
    const options = { host, port, ca, cert, key, ...versions, ALPNProtocols: ['h2'], rejectUnauthorized: false };
    const socket = connect(options, () => {
      answer(socket.getProtocol() === version);
      socket.destroy();
    });
    socket.setTimeout(5_000, () => socket.destroy(new Error('no answer')));
    socket.once('error', () => answer(false));
  });
}

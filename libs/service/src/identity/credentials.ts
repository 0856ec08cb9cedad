import { ChannelCredentials, ServerCredentials } from '@grpc/grpc-js';
import type { PeerCertificate } from 'node:tls';
import { onlyUri, spiffeId } from './spiffe.js';
import { tlsVersion, type TlsIdentity, type TlsMaterial, type Trust } from './tls.js';

/** gRPC server credentials: TLS 1.3, a client certificate of our CA is demanded; new connections use renewed certificates. */
export function serverCredentials(identity: TlsIdentity): ServerCredentials {
  return new ReloadingServerCredentials(identity);
}

/** The same without client certificates: whoever calls is proven by something else. */
export function openServerCredentials(identity: TlsIdentity): ServerCredentials {
  return new ReloadingServerCredentials(identity, { requestCert: false });
}

/**
 * gRPC channel credentials: TLS 1.3, our certificate if we have one, and a server whose one URI name is exactly `expected`
 * (a spiffe:// id, or the name of a service of our own trust domain). New connections use renewed certificates.
 */
export function channelCredentials(identity: Trust, expected: string): ChannelCredentials {
  return new ReloadingChannelCredentials(identity, expected);
}

/** For node:tls and node:https: refuses a server whose one URI name is not exactly `expected`. */
export function checkSpiffe(expected: string): (host: string, certificate: PeerCertificate) => Error | undefined {
  return (_host, certificate) => {
    const uri = onlyUri(certificate.subjectaltname);
    return uri === expected
      ? undefined
      : new Error(`the server is ${uri ?? 'without a single URI name'}, not ${expected}`);
  };
}

/** The spiffe:// id meant by `expected`, which may be just the name of a service. */
export function expectedId(identity: Trust, expected: string): string {
  if (expected.startsWith('spiffe://')) return expected;
  return spiffeId(identity.trustDomain, { kind: 'service', name: expected });
}

/** Against clients that connect and say nothing, in ms. */
const handshakeTimeout = 20_000;

const contextOptions = ({ ca, cert, key }: TlsMaterial) => ({ ca, cert, key, ...tlsVersion });

class ReloadingServerCredentials extends ServerCredentials {
  constructor(identity: TlsIdentity, { requestCert = true } = {}) {
    super(
      { requestCert, rejectUnauthorized: requestCert, handshakeTimeout, ...tlsVersion },
      contextOptions(identity.current),
    );
    identity.onChange((material) => {
      this.updateSecureContextOptions(contextOptions(material));
    });
  }

  override _equals(other: ServerCredentials): boolean {
    return this === other;
  }
}

type SecureConnector = ReturnType<ChannelCredentials['_createSecureConnector']>;
type ConnectorArguments = Parameters<ChannelCredentials['_createSecureConnector']>;

/** createSsl and createFromSecureContext keep the first certificate for ever; this asks for the current one at each connection. */
class ReloadingChannelCredentials extends ChannelCredentials {
  readonly #identity: Trust;
  readonly #expected: string;

  constructor(identity: Trust, expected: string) {
    super();
    this.#identity = identity;
    this.#expected = expected;
  }

  override _isSecure(): boolean {
    return true;
  }

  override _equals(other: ChannelCredentials): boolean {
    return this === other;
  }

  override _createSecureConnector(...[target, options, call]: ConnectorArguments): SecureConnector {
    // The name that TLS sends (SNI) may not be an IP address, and we identify nobody by host.
    const named = { ...options, 'grpc.ssl_target_name_override': 'keystead' };
    const connector = (): SecureConnector => this.#fixed()._createSecureConnector(target, named, call);
    return {
      connect: (socket) => connector().connect(socket),
      waitForReady: () => Promise.resolve(),
      getCallCredentials: () => connector().getCallCredentials(),
      destroy: () => undefined,
    };
  }

  #fixed(): ChannelCredentials {
    const checkServerIdentity = checkSpiffe(expectedId(this.#identity, this.#expected));
    return ChannelCredentials.createFromSecureContext(this.#identity.current.context, { checkServerIdentity });
  }
}

/** The host of grpc-js's "host:port" or "[v6]:port"; an IPv4 address mapped into IPv6 as IPv4. */
export function hostOf(peer: string): string {
  const host = peer.replace(/:\d+$/, '').replace(/^\[|\]$/g, '');
  return host.replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/, '');
}

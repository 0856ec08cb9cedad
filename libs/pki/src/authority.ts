import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';

const ecdsa = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
type CryptoKey = webcrypto.CryptoKey;
x509.cryptoProvider.set(webcrypto);

/** A certificate and its private key, PEM. */
export interface KeyPair {
  readonly certificate: string;
  readonly key: string;
}

/** What a certificate is for. */
export interface CertificateRequest {
  /** The one URI name (SPIFFE), or none for a certificate that browsers and SDKs see. */
  readonly uri?: string;
  /** DNS names. */
  readonly dnsNames?: readonly string[];
  /** IPv4 or IPv6 addresses. */
  readonly addresses?: readonly string[];
  /** Not valid before this, less five minutes for clocks that differ. */
  readonly from: Date;
  /** How long it is valid, in hours. */
  readonly hours: number;
}

const hour = 3_600_000;
const skew = 300_000;

/** Makes a certificate authority with a P-256 key, valid for ten years. */
export async function createAuthority(commonName: string, from: Date): Promise<KeyPair> {
  const keys = await generate();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: `CN=${commonName}`,
    notBefore: new Date(from.getTime() - skew),
    notAfter: new Date(from.getTime() + 10 * 365 * 24 * hour),
    signingAlgorithm: ecdsa,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certificate: `${certificate.toString('pem')}\n`, key: await exportKey(keys.privateKey) };
}

/** Issues a certificate for a fresh P-256 key, for TLS servers and clients. */
export async function issueCertificate(authority: KeyPair, request: CertificateRequest): Promise<KeyPair> {
  const issuer = new x509.X509Certificate(authority.certificate);
  const keys = await generate();
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: 'CN=keystead',
    issuer: issuer.subject,
    notBefore: new Date(request.from.getTime() - skew),
    notAfter: new Date(request.from.getTime() + request.hours * hour),
    signingAlgorithm: ecdsa,
    signingKey: await importKey(authority.key),
    publicKey: keys.publicKey,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth, x509.ExtendedKeyUsage.clientAuth]),
      new x509.SubjectAlternativeNameExtension(subjectNames(request)),
      await x509.AuthorityKeyIdentifierExtension.create(issuer),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certificate: `${certificate.toString('pem')}\n`, key: await exportKey(keys.privateKey) };
}

function subjectNames({ uri, dnsNames = [], addresses = [] }: CertificateRequest): x509.JsonGeneralNames {
  return [
    ...(uri === undefined ? [] : [{ type: 'url' as const, value: uri }]),
    ...dnsNames.map((value) => ({ type: 'dns' as const, value })),
    ...addresses.map((value) => ({ type: 'ip' as const, value })),
  ];
}

/** 16 random bytes, positive as RFC 5280 §4.1.2.2 demands. */
function serialNumber(): string {
  const bytes = webcrypto.getRandomValues(new Uint8Array(16));
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return Buffer.from(bytes).toString('hex');
}

async function generate(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(ecdsa, true, ['sign', 'verify']);
}

async function exportKey(key: CryptoKey): Promise<string> {
  return `${x509.PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY')}\n`;
}

async function importKey(pem: string): Promise<CryptoKey> {
  const der = x509.PemConverter.decodeFirst(pem);
  return webcrypto.subtle.importKey('pkcs8', der, ecdsa, false, ['sign']);
}

import { createPrivateKey, X509Certificate } from 'node:crypto';
import { beforeAll, expect, test } from 'vitest';
import { createAuthority, issueCertificate, principalName, serviceName, type KeyPair } from '../src/index.js';

const from = new Date('2026-11-22T00:00:00Z');
let authority: KeyPair;
beforeAll(async () => {
  authority = await createAuthority('Keystead local CA', from);
});

test('a service certificate carries exactly its SPIFFE name and is signed by the authority', async () => {
  const uri = serviceName('keystead.local', 'kms-service');
  const issued = await issueCertificate(authority, { uri, from, hours: 24 });
  const certificate = new X509Certificate(issued.certificate);
  expect(certificate.subjectAltName).toBe(`URI:${uri}`);
  expect(certificate.verify(new X509Certificate(authority.certificate).publicKey)).toBe(true);
  expect(certificate.checkIssued(new X509Certificate(authority.certificate))).toBe(true);
  expect(certificate.checkPrivateKey(createPrivateKey(issued.key))).toBe(true);
  expect(certificate.ca).toBe(false);
  expect(new Date(certificate.validTo).toISOString()).toBe('2026-11-23T00:00:00.000Z');
});

test('the certificate for the endpoint names hosts and addresses', async () => {
  const issued = await issueCertificate(authority, {
    dnsNames: ['localhost', '*.localhost'],
    addresses: ['127.0.0.1', '::1'],
    from,
    hours: 1,
  });
  const certificate = new X509Certificate(issued.certificate);
  expect(certificate.checkHost('localhost')).toBe('localhost');
  expect(certificate.checkIP('127.0.0.1')).toBe('127.0.0.1');
});

test('two certificates never share a serial number', async () => {
  const request = { uri: 'spiffe://keystead.local/svc/edge', from, hours: 1 };
  const [a, b] = await Promise.all([issueCertificate(authority, request), issueCertificate(authority, request)]);
  expect(new X509Certificate(a.certificate).serialNumber).not.toBe(new X509Certificate(b.certificate).serialNumber);
});

test("a principal's name holds its unique id and its ARN", () => {
  expect(principalName('td', 'AIDA1', 'arn:aws:iam::000000000000:user/a/b')).toBe(
    'spiffe://td/principal/AIDA1/arn:aws:iam::000000000000:user/a/b',
  );
});

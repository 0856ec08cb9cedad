import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { system, type System } from './support/system.js';

let sys: System;
beforeAll(async () => {
  sys = await system();
});
afterAll(() => sys[Symbol.asyncDispose]());

/** The serial number of the certificate that a service shows to kms-service. */
async function shownBy(address: string): Promise<string> {
  const dir = await sys.pki.dir('kms-service');
  const [ca, cert, key] = ['ca.crt', 'tls.crt', 'tls.key'].map((file) => readFileSync(join(dir, file)));
  const [host = '', port = ''] = address.split(':');
  return new Promise((shown, failed) => {
    const socket = connect({ host, port: Number(port), ca, cert, key, checkServerIdentity: () => undefined }, () => {
      shown(socket.getPeerCertificate().serialNumber);
      socket.destroy();
    });
    socket.once('error', failed);
  });
}

test('certificates of the HSM and of its client are renewed while calls go on: none fails, nothing is restarted', async () => {
  const { keyMetadata } = await sys.kms('createKey');
  const plaintext = Buffer.from('x');
  const { ciphertextBlob } = await sys.kms('encrypt', { keyId: keyMetadata?.keyId ?? '', plaintext });
  const failures: unknown[] = [];
  let [going, done] = [true, 0];
  const caller = async (): Promise<void> => {
    while (going)
      await sys.kms('decrypt', { ciphertextBlob }).then(
        () => done++,
        (error: unknown) => failures.push(error),
      );
  };
  const callers = Promise.all(Array.from({ length: 8 }, caller));
  const hsm = sys.hsms[0]?.address ?? '';
  const [first, seen] = [await shownBy(hsm), new Set<string>()];
  for (let renewal = 0; renewal < 2; renewal++) {
    await Promise.all(['hsm-service', 'kms-service'].map((service) => sys.pki.renew(service)));
    const before = seen.size;
    const end = Date.now() + 30_000;
    while (seen.size === before && Date.now() < end) {
      const shown = await shownBy(hsm);
      if (shown !== first) seen.add(shown);
      await new Promise((later) => setTimeout(later, 100));
    }
    // Streams that were opened under the old certificate have moved by now, or move under these calls.
    const until = done + 200;
    while (done < until && failures.length === 0) await new Promise((later) => setTimeout(later, 20));
  }
  going = false;
  await callers;
  expect([seen.size, failures]).toEqual([2, []]);
}, 120_000);

import { ChangeServiceService, PrincipalType } from '@keystead/proto/common';
import { type GetSigningKeyRequest, type GetSigningKeyResponse, IamServiceService } from '@keystead/proto/iam';
import { lease, LeaseHub, logger, serve, tlsIdentity, unary } from '../src/index.js';
import { KeysteadError } from '@keystead/errors';
import { testPki } from '@keystead/testing/pki';
import { expect, test } from 'vitest';
import { signingKeySource } from '../src/signing/index.js';

const scope = { accessKeyId: 'AKIAEXAMPLE', date: '20261122', region: 'us-east-1', service: 'kms', scope: '' };
const changed = [`access-key/${scope.accessKeyId}`];
const later = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

test('a key that changed while it was asked for is forgotten with the next change too', async () => {
  const pki = await testPki();
  const log = logger('test', 'silent');
  let sequence = 1n;
  let active = true;
  let held: Promise<void> | undefined;
  const hub = new LeaseHub({ replicas: 1, log, sequence: async () => sequence });
  const change = async (): Promise<void> => {
    hub.changed(++sequence, changed);
    await hub.acknowledged(sequence);
  };
  const getSigningKey = unary<GetSigningKeyRequest, GetSigningKeyResponse>(async () => {
    await held;
    if (!active) throw new KeysteadError('UnrecognizedClient', 'unknown');
    const principal = { type: PrincipalType.PRINCIPAL_TYPE_IAM_USER, arn: '', uniqueId: '', account: '', userName: '' };
    return {
      signingKey: Buffer.alloc(32, 1),
      principal,
      session: undefined,
      sessionToken: '',
      sessionTokenSha256: Buffer.alloc(0),
    };
  });
  const { getSigningKey: method } = IamServiceService;
  const server = await serve({
    ...{ name: 'iam-service', listen: '127.0.0.1:0', opsListen: '127.0.0.1:0', log },
    tls: tlsIdentity(await pki.dir('iam-service')),
    services: [
      { definition: { getSigningKey: method }, implementation: { getSigningKey } },
      { definition: ChangeServiceService, implementation: { watch: hub.watch } },
    ],
  });
  const tls = tlsIdentity(await pki.dir('edge'));
  const { address } = server;
  const changes = lease({ address, tls, expected: 'iam-service', subscriber: 'edge' });
  const keys = signingKeySource({ address, tls, changes });
  try {
    await later(1_300);
    let release = (): void => undefined;
    held = new Promise((resolve) => (release = resolve));
    const asked = keys.get(scope);
    await later(100);
    await change();
    held = undefined;
    release();
    await expect(asked).resolves.toBeDefined();
    expect(keys.peek(scope)).toBeDefined();
    active = false;
    await change();
    expect(keys.peek(scope)).toBeUndefined();
    await expect(keys.get(scope)).resolves.toBeUndefined();
  } finally {
    for (const part of [keys, changes, hub]) part.close();
    await server.close();
  }
});

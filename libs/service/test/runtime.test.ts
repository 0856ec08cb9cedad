import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { runtimeOf } from '../src/runtime.js';

const image = mkdtempSync(join(tmpdir(), 'keystead-image-'));
afterAll(() => rmSync(image, { recursive: true, force: true }));

/** deploy/keystead with another place for bundles, and a `node` that says how it was called. */
function asInTheImage(service: string): { flags: string[]; tunables: string } {
  const script = readFileSync(fileURLToPath(new URL('../../../deploy/keystead', import.meta.url)), 'utf8');
  const dist = join(image, 'dist');
  mkdirSync(join(dist, service), { recursive: true });
  writeFileSync(join(dist, service, 'main.mjs'), '');
  writeFileSync(join(image, 'keystead'), script.replace('bundles=/keystead/dist', `bundles=${dist}`));
  writeFileSync(join(image, 'node'), '#!/bin/sh\necho "$GLIBC_TUNABLES"; printf "%s\\n" "$@"\n', { mode: 0o755 });
  const env = { PATH: `${image}:${process.env['PATH'] ?? ''}` };
  const said = execFileSync('sh', [join(image, 'keystead'), service], { env, encoding: 'utf8' });
  const [tunables = '', ...args] = said.trimEnd().split('\n');
  expect(args.pop()).toBe(join(dist, service, 'main.mjs'));
  return { flags: args, tunables };
}

test.each(['audit-service', 'hsm-service', 'kms-service', 'iam-service', 'object-store-gateway', 'edge'])(
  'the image runs %s as the launcher does',
  (service) => {
    const { flags, env } = runtimeOf(service);
    const image = asInTheImage(service);
    expect([...image.flags].sort()).toEqual([...flags].sort());
    expect(image.tunables).toBe(env['GLIBC_TUNABLES'] ?? '');
  },
);

test('only what holds no secrets is spared the overwriting of freed memory', () => {
  expect(runtimeOf('audit-service')).toMatchObject({ env: {} });
  for (const service of ['hsm-service', 'kms-service', 'iam-service', 'object-store-gateway', 'edge'])
    expect(runtimeOf(service).flags).toEqual(expect.arrayContaining(['--expose-gc', '--clear-free-memory']));
});

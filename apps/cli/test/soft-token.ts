import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

/** The environment of a SoftHSM2 with one token; undefined where it is not installed. */
export function tokenIn(folder: string): Record<string, string> | undefined {
  const module = ['/usr/lib/softhsm/libsofthsm2.so', '/usr/lib64/pkcs11/libsofthsm2.so'].find((path) =>
    existsSync(path),
  );
  try {
    createRequire(import.meta.url).resolve('pkcs11js');
  } catch {
    return undefined;
  }
  if (module === undefined) return undefined;
  const [conf, pin] = [join(folder, 'softhsm2.conf'), join(folder, 'pin')];
  writeFileSync(conf, `directories.tokendir = ${folder}/tokens\nobjectstore.backend = file\n`);
  writeFileSync(pin, '1234\n', { mode: 0o600 });
  const env = { SOFTHSM2_CONF: conf };
  mkdirSync(join(folder, 'tokens'));
  const init = ['--init-token', '--free', '--label', 'keystead', '--so-pin', '12345678', '--pin', '1234'];
  if (spawnSync('softhsm2-util', init, { env: { ...process.env, ...env } }).status !== 0) return undefined;
  const settings = { KEYSTEAD_PKCS11_TOKEN: 'keystead', KEYSTEAD_PKCS11_PIN_FILE: pin };
  return { ...env, ...settings, KEYSTEAD_PKCS11_MODULE: module };
}

import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Pkcs11Settings } from '../src/pkcs11/messages.js';

const LIBRARIES = [
  '/usr/lib/softhsm/libsofthsm2.so',
  '/usr/lib64/pkcs11/libsofthsm2.so',
  '/usr/lib/pkcs11/libsofthsm2.so',
  '/opt/homebrew/lib/softhsm/libsofthsm2.so',
];

/** Why SoftHSM cannot be used here; undefined if it can. */
export const missing = whatIsMissing();

/** SoftHSM2 with one token "keystead", PIN 1234: the real library, its token a folder. */
export interface SoftHsm extends AsyncDisposable {
  readonly settings: Pkcs11Settings;
  /** The same token with something else in its settings. */
  with(change: Partial<Pkcs11Settings>): Pkcs11Settings;
  /** A file with this PIN. */
  pinFile(pin: string): Promise<string>;
  /** Another token of the same library. */
  addToken(label: string, pin: string): void;
  /** Takes all tokens away, as if the device was unplugged. */
  unplug(): Promise<void>;
  plugIn(): Promise<void>;
  /** Folder of the tokens. */
  readonly folder: string;
}

/** SoftHSM finds its settings by the environment, so there is one at a time in a process. */
export async function softHsm(): Promise<SoftHsm> {
  const folder = await mkdtemp(join(tmpdir(), 'keystead-softhsm-'));
  const [tokens, away, conf] = ['tokens', 'away', 'softhsm2.conf'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  await mkdir(tokens);
  await writeFile(conf, `directories.tokendir = ${tokens}\nobjectstore.backend = file\nlog.level = ERROR\n`);
  process.env['SOFTHSM2_CONF'] = conf;
  const addToken = (label: string, pin: string): void => {
    const init = ['--init-token', '--free', '--label', label, '--so-pin', '12345678', '--pin', pin];
    execFileSync('softhsm2-util', init, { stdio: 'pipe' });
  };
  addToken('keystead', '1234');
  let pins = 0;
  const pinFile = async (pin: string): Promise<string> => {
    const path = join(folder, `pin-${pins++}`);
    await writeFile(path, `${pin}\n`, { mode: 0o600 });
    return path;
  };
  const settings: Pkcs11Settings = {
    ...{ module: library() as string, token: 'keystead', slot: undefined },
    pinFile: await pinFile('1234'),
  };
  return {
    ...{ settings, pinFile, addToken, folder: tokens },
    with: (change) => ({ ...settings, ...change }),
    unplug: () => rename(tokens, away),
    plugIn: () => rename(away, tokens),
    [Symbol.asyncDispose]: async () => {
      delete process.env['SOFTHSM2_CONF'];
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function library(): string | undefined {
  return LIBRARIES.find((path) => existsSync(path));
}

function whatIsMissing(): string | undefined {
  const why = !library() ? 'SoftHSM2 is not installed' : isInstalled('pkcs11js') ? undefined : 'pkcs11js was not built';
  if (why && process.env['KEYSTEAD_REQUIRE_CONTAINERS'] === '1') throw new Error(`${why}, and is required here.`);
  return why;
}

function isInstalled(name: string): boolean {
  try {
    createRequire(import.meta.url).resolve(name);
    return true;
  } catch {
    return false;
  }
}

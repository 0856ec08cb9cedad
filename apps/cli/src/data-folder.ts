import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Failure } from './failure.js';
import { readIfThere, writePrivate } from './files.js';

/** The layout of the data folder; a release that changes it counts on and says how to move. */
const layout = '1';

/** Where everything lies that a start finds again. */
export interface DataFolder {
  readonly path: string;
  readonly authority: string;
  readonly postgres: string;
  readonly root: string;
  readonly rootKeyFile: string;
  readonly objects: string;
  readonly logs: string;
  readonly secrets: string;
  readonly env: string;
  readonly adminCredentials: string;
  /** The folder with ca.crt, tls.crt and tls.key of one service. */
  tls(service: string): string;
}

/** The paths inside a data folder; touches nothing. */
export function dataFolder(path: string): DataFolder {
  const at = (name: string): string => join(resolve(path), name);
  return {
    path: resolve(path),
    authority: at('ca'),
    postgres: at('postgres'),
    root: at('root'),
    rootKeyFile: at('secrets/root.key'),
    objects: at('objects'),
    logs: at('logs'),
    secrets: at('secrets'),
    env: at('env'),
    adminCredentials: at('admin-credentials'),
    tls: (service) => at(`tls/${service}`),
  };
}

/** Opens a data folder for `up`, or makes it. Throws Failure when it is not ours or of another version. */
export function openDataFolder(path: string): DataFolder {
  const folder = dataFolder(path);
  const version = readIfThere(join(folder.path, 'version'))?.trim();
  if (version === undefined) {
    if (existsSync(folder.path) && readdirSync(folder.path).length > 0) {
      throw new Failure(`${folder.path} is not empty and no data folder of Keystead: name another with --data.`);
    }
    mkdirSync(folder.path, { recursive: true, mode: 0o700 });
    writePrivate(join(folder.path, 'version'), `${layout}\n`);
  } else if (version !== layout) {
    throw new Failure(
      `${folder.path} has data of version ${version}, this release reads version ${layout}: use the release that made it, or another folder with --data.`,
    );
  }
  for (const part of [folder.logs, folder.secrets, folder.objects, folder.root])
    mkdirSync(part, { recursive: true, mode: 0o700 });
  return folder;
}

/** An existing data folder, for commands beside a running `up`. */
export function existingDataFolder(path: string): DataFolder {
  const folder = dataFolder(path);
  if (!existsSync(join(folder.path, 'version'))) {
    throw new Failure(
      `${folder.path} is no data folder of Keystead: start it with \`npm start\`, or name its folder with --data.`,
    );
  }
  return folder;
}

/** Marks the folder as in use; returns how to release it, and whether an earlier launcher was killed on it. */
export function lockDataFolder(folder: DataFolder): { release: () => void; leftover: boolean } {
  const file = join(folder.path, 'launcher.pid');
  const earlier = Number(readIfThere(file) ?? '0');
  if (earlier > 0 && earlier !== process.pid && isLauncher(earlier)) {
    throw new Failure(
      `Keystead already runs on ${folder.path} (process ${earlier}): stop it, or name another folder with --data.`,
    );
  }
  writePrivate(file, `${process.pid}\n`);
  return { leftover: earlier > 0, release: () => rmSync(file, { force: true }) };
}

/** After a crash the number may belong to a stranger. */
function isLauncher(pid: number): boolean {
  try {
    process.kill(pid, 0);
    if (process.platform !== 'linux') return true;
    const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
    return /node|keystead/.test(command) && /start\.mjs|cli\/main|keystead/.test(command);
  } catch {
    return false;
  }
}

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

/** A data folder that is there, or made. Throws Failure when it is not ours or of another version. */
export function openDataFolder(path: string): DataFolder {
  const folder = dataFolder(path);
  refuseForeign(folder);
  makeDataFolder(folder);
  return folder;
}

/**
 * A data folder that `up` may use or make; touches nothing. `leftover` says that an earlier launcher was killed on it.
 * Throws Failure when it is not ours, of another version, or in use.
 */
export function usableDataFolder(path: string): { folder: DataFolder; leftover: boolean } {
  const folder = dataFolder(path);
  refuseForeign(folder);
  return { folder, leftover: refuseRunning(folder) > 0 };
}

/** Makes what is missing of a data folder and marks it as in use; returns how to release it. Throws Failure. */
export function takeDataFolder(folder: DataFolder): () => void {
  refuseRunning(folder);
  makeDataFolder(folder);
  const lock = lockOf(folder);
  writePrivate(lock, `${process.pid}\n`);
  return () => rmSync(lock, { force: true });
}

function refuseForeign(folder: DataFolder): void {
  const version = inFolder(folder, () => readIfThere(join(folder.path, 'version'))?.trim());
  if (version === undefined) {
    if (inFolder(folder, () => existsSync(folder.path) && readdirSync(folder.path).length > 0)) {
      throw new Failure(`${folder.path} is not empty and no data folder of Keystead: name another with --data.`);
    }
  } else if (version !== layout) {
    throw new Failure(
      `${folder.path} has data of version ${version}, this release reads version ${layout}: use the release that made it, or another folder with --data.`,
    );
  }
}

function makeDataFolder(folder: DataFolder): void {
  inFolder(folder, () => {
    const version = join(folder.path, 'version');
    // First: without it the next start would take the rest for somebody else's.
    if (!existsSync(version)) writePrivate(version, `${layout}\n`);
    for (const part of [folder.logs, folder.secrets, folder.objects, folder.root])
      mkdirSync(part, { recursive: true, mode: 0o700 });
  });
}

/** What the system refuses is for the user to mend. */
function inFolder<T>({ path }: DataFolder, work: () => T): T {
  try {
    return work();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    throw new Failure(`${path} cannot be a data folder (${code}): name another with --data.`);
  }
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

const lockOf = (folder: DataFolder): string => join(folder.path, 'launcher.pid');

/** The process that was the launcher here, 0 for none. Throws Failure when it still is. */
function refuseRunning(folder: DataFolder): number {
  const earlier = Number(readIfThere(lockOf(folder)) ?? '0');
  if (earlier > 0 && earlier !== process.pid && isLauncher(earlier)) {
    throw new Failure(
      `Keystead already runs on ${folder.path} (process ${earlier}): stop it, or name another folder with --data.`,
    );
  }
  return earlier;
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

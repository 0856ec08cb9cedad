// What the tools know about the monorepo: where it is, and which workspaces it has.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** @returns {{ path: string, manifest: any }[]} every workspace with a package.json, in a stable order. */
export function workspaces() {
  return ['apps', 'libs', 'examples']
    .filter((group) => existsSync(join(root, group)))
    .flatMap((group) => readdirSync(join(root, group)).map((folder) => `${group}/${folder}`))
    .filter((path) => existsSync(join(root, path, 'package.json')))
    .sort()
    .map((path) => ({ path, manifest: JSON.parse(readFileSync(join(root, path, 'package.json'), 'utf8')) }));
}

/** The apps that can be bundled: those with a src/main.ts. */
export function bundledApps() {
  return workspaces()
    .map(({ path }) => path)
    .filter((path) => path.startsWith('apps/') && existsSync(join(root, path, 'src/main.ts')));
}

// Decides in milliseconds whether an output is older than its inputs: a hash over path, size and mtime.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { root } from './workspaces.mjs';

const skipped = new Set(['node_modules', 'dist', 'test', '.keystead', 'coverage']);

/** A fingerprint of files and folders (given relative to the root; missing ones count as missing). */
export function fingerprint(paths) {
  const hash = createHash('sha256');
  for (const path of paths) add(hash, join(root, path));
  return hash.digest('hex');
}

/** True when `file` holds this fingerprint, and so nothing has changed since it was written. */
export function isCurrent(file, value) {
  return existsSync(file) && readFileSync(file, 'utf8') === value;
}

export function writeStamp(file, value) {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, value);
}

function add(hash, path) {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat?.isDirectory()) {
    for (const name of readdirSync(path).sort()) if (!skipped.has(name)) add(hash, join(path, name));
  } else {
    hash.update(`${relative(root, path)} ${stat?.size} ${stat?.mtimeMs}\n`);
  }
}

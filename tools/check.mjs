// npm run check [-- step…]: everything that judges the tree without running it, one step after the other; all of them, even after a failure.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { codegen } from './codegen.mjs';
import { root } from './workspaces.mjs';

const bin = (name) => join(root, 'node_modules/.bin', name);
const baseline = 'proto/baseline.binpb';
const offline = { ...process.env, NX_DAEMON: 'false', NX_NO_CLOUD: 'true' };
const contracts = existsSync(join(root, 'proto'));

const steps = [
  ['references', process.execPath, ['tools/references.mjs', '--check']],
  [
    'prettier',
    bin('prettier'),
    ['--check', '--log-level', 'warn', '--cache', '--cache-location', 'node_modules/.cache/prettier', '.'],
  ],
  ['eslint', bin('eslint'), ['--cache', '--cache-location', 'node_modules/.cache/eslint/', '--max-warnings', '0', '.']],
  // The native compiler; `typescript` itself stays for the tools that need its API.
  ['tsc', process.execPath, ['node_modules/@typescript/native/bin/tsc', '--build']],
  [
    'dependency-cruiser',
    bin('depcruise'),
    ['--config', '.dependency-cruiser.cjs', '--output-type', 'err', ...sourceFolders()],
  ],
  ['buf lint', bin('buf'), ['lint'], contracts],
  ['buf format', bin('buf'), ['format', '--diff', '--exit-code'], contracts],
  ['buf breaking', bin('buf'), ['breaking', '--against', baseline], existsSync(join(root, baseline))],
  ['knip', bin('knip'), ['--no-progress']],
].filter(([name, , , applies = true]) => applies && (process.argv.length === 2 || process.argv.includes(name)));

codegen();
// The graph that the nx rule of ESLint reads; without it the rule only warns.
spawnSync(bin('nx'), ['show', 'projects'], { cwd: root, stdio: 'ignore', env: offline });

const results = steps.map(([name, command, args]) => {
  const before = performance.now();
  console.log(`\n── ${name}`);
  const { status, error } = spawnSync(command, args, {
    cwd: root,
    stdio: 'inherit',
    env: offline,
  });
  if (error) console.error(error.message);
  return { name, ok: status === 0, seconds: (performance.now() - before) / 1000 };
});

console.log();
for (const { name, ok, seconds } of results)
  console.log(`${ok ? 'ok    ' : 'FAILED'} ${name} (${seconds.toFixed(1)} s)`);
if (results.some(({ ok }) => !ok)) process.exitCode = 1;

function sourceFolders() {
  return ['apps', 'libs', 'tools', 'bench', 'examples', 'conformance'].filter((folder) =>
    existsSync(join(root, folder)),
  );
}

// node tools/run.mjs <file.ts> […]: runs a TypeScript file from its sources, without a build.
import { spawn } from 'node:child_process';
import { codegen } from './codegen.mjs';
import { root } from './workspaces.mjs';

codegen();
const options = ['--import', 'tsx', '--conditions=@keystead/source'];
const child = spawn(process.execPath, [...options, ...process.argv.slice(2)], { cwd: root, stdio: 'inherit' });
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
child.on('exit', (code, signal) => {
  process.exitCode = code ?? (signal ? 1 : 0);
});

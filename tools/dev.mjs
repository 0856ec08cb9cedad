// npm run dev [-- options]: `keystead up`; when a source changes, what changed is bundled again and everything restarts.
import { spawn } from 'node:child_process';
import { watch } from 'node:fs';
import { join } from 'node:path';
import { bundle } from './bundle.mjs';
import { root } from './workspaces.mjs';

const settle = 200; // milliseconds of quiet after a change: editors and formatters write more than once
const isSource = (name) => /\.(ts|sql|proto)$/.test(name) && !/(^|[\\/])(node_modules|dist|test|gen)[\\/]/.test(name);

let child = up();
let timer;
let stopping = false;

for (const folder of ['apps', 'libs', 'proto']) {
  watch(join(root, folder), { recursive: true }, (_event, name) => {
    if (!name || !isSource(name)) return;
    clearTimeout(timer);
    timer = setTimeout(() => void rebuild(), settle);
  });
}
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => stop(signal));

function up() {
  const started = spawn(process.execPath, [join(root, 'tools/start.mjs'), ...process.argv.slice(2)], {
    stdio: 'inherit',
  });
  started.on('exit', (code) => {
    if (stopping) process.exit(code ?? 0);
  });
  return started;
}

async function rebuild() {
  try {
    const apps = await bundle();
    if (apps.length > 0) await restart(apps);
  } catch (error) {
    console.error(`keystead: still running the last good build.\n${error.message}`);
  }
}

async function restart(apps) {
  console.log(`keystead: ${apps.join(', ')} changed, restarting`);
  if (child.exitCode === null && child.signalCode === null) {
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGTERM');
    await ended;
  }
  if (!stopping) child = up();
}

function stop(signal) {
  stopping = true;
  if (child.exitCode !== null || child.signalCode !== null) process.exit(0);
  child.kill(signal);
}

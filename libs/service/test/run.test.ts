import { fork, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const script = fileURLToPath(new URL('./fixtures/service.ts', import.meta.url));
const execArgv = ['--import', 'tsx', '--conditions=@keystead/source'];

function start(
  env: Record<string, string>,
  how: 'fork' | 'spawn' = 'spawn',
): { child: ChildProcess; text: () => string; ended: Promise<[number | null]> } {
  const options = {
    env: { ...process.env, ...env },
    stdio: ['pipe', 'pipe', 'pipe', ...(how === 'fork' ? ['ipc' as const] : [])] as never,
  };
  const child =
    how === 'fork' ? fork(script, { ...options, execArgv }) : spawn(process.execPath, [...execArgv, script], options);
  let text = '';
  child.stdout?.on('data', (chunk: Buffer) => (text += chunk.toString()));
  child.stderr?.on('data', (chunk: Buffer) => (text += chunk.toString()));
  return { child, text: () => text, ended: once(child, 'exit') as Promise<[number | null]> };
}

const serving = async (text: () => string): Promise<void> => {
  for (let n = 0; n < 500 && !text().includes('"serving"'); n++) await new Promise((done) => setTimeout(done, 20));
};

test('a wrong setting is one sentence and code 1', async () => {
  const { text, ended } = start({ SOME_PORT: 'x' });
  expect((await ended)[0]).toBe(1);
  expect(text()).toBe('sample-service: SOME_PORT must be a whole number from 0 to 2147483647, not "x".\n');
});

test('SIGTERM stops it in order', async () => {
  const { child, text, ended } = start({});
  await serving(text);
  child.kill('SIGTERM');
  expect((await ended)[0]).toBe(0);
  expect(text()).toContain('closed in order');
});

test('an unhandled rejection is logged and ends it with code 1', async () => {
  const { text, ended } = start({ FAIL: '1' });
  expect((await ended)[0]).toBe(1);
  expect(text()).toContain('nobody caught me');
});

test('supervised: it tells its address, leaves SIGINT to the parent, and goes with it', async () => {
  const { child, text, ended } = start({ KEYSTEAD_SUPERVISED: '1' }, 'fork');
  const [message] = (await once(child, 'message')) as [unknown];
  expect(message).toEqual({ type: 'ready', address: '127.0.0.1:1', opsAddress: '127.0.0.1:2' });
  child.kill('SIGINT');
  await new Promise((done) => setTimeout(done, 200));
  expect(child.exitCode).toBeNull();
  child.disconnect();
  expect((await ended)[0]).toBe(0);
  expect(text()).toContain('closed in order');
});

test('supervised without IPC: it goes when its stdin ends', async () => {
  const { child, text, ended } = start({ KEYSTEAD_SUPERVISED: '1' });
  await serving(text);
  child.stdin?.end();
  expect((await ended)[0]).toBe(0);
});

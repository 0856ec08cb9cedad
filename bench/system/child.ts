import { type ChildProcess, fork, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';

/** A process that this benchmark has started. */
export interface Child {
  readonly pid: number;
  stop(): Promise<void>;
}

const killAfterMs = 12_000;

/** Starts a program whose output goes to a file, and waits until `ready` finds in it what it looks for. */
export async function startProgram(
  command: string,
  args: readonly string[],
  { env, log, cwd, ready }: { env: NodeJS.ProcessEnv; log: string; cwd?: string; ready: (output: string) => boolean },
): Promise<Child> {
  const file = openSync(log, 'w', 0o600);
  const child = spawn(command, args, { env, stdio: ['ignore', file, file], ...(cwd === undefined ? {} : { cwd }) });
  closeSync(file);
  const output = (): string => readFileSync(log, 'utf8');
  await poll(child, () => ready(output())).catch(async (error: unknown) => {
    await stopChild(child);
    throw new Error(`${command} ${args.join(' ')} did not start: ${output().slice(-600)}`, { cause: error });
  });
  return asChild(child);
}

/** Starts a service bundle; gives the address that it announces over IPC. `flags` are Node.js's. */
export async function startService(
  script: string,
  env: Readonly<Record<string, string>>,
  log: string,
  flags: readonly string[] = [],
): Promise<Child & { readonly address: string }> {
  const file = openSync(log, 'a', 0o600);
  // No loader of ours: the bundle runs as a service would.
  const child = fork(script, [], { env: { ...env }, execArgv: [...flags], stdio: ['ignore', file, file, 'ipc'] });
  closeSync(file);
  const address = await new Promise<string>((resolve, reject) => {
    child.once('exit', () => reject(new Error(`${script} did not start: ${readFileSync(log, 'utf8').slice(-600)}`)));
    child.once('error', reject);
    child.once('message', (message) => resolve((message as { address: string }).address));
  });
  return { ...asChild(child), address };
}

function asChild(child: ChildProcess): Child {
  return { pid: child.pid ?? 0, stop: () => stopChild(child) };
}

async function stopChild(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  const late = setTimeout(() => child.kill('SIGKILL'), killAfterMs);
  await gone;
  clearTimeout(late);
}

async function poll(child: ChildProcess, ready: () => boolean): Promise<void> {
  const until = Date.now() + 90_000;
  let failed: Error | undefined;
  child.once('error', (error) => (failed = error));
  while (!ready()) {
    if (failed) throw failed;
    if (child.exitCode !== null || child.signalCode !== null) throw new Error('it ended');
    if (Date.now() > until) throw new Error('it takes too long');
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

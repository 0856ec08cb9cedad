import { fork, type ChildProcess } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync, renameSync, statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { runtimeOf } from '@keystead/service/runtime';
import { Failure } from '../failure.js';

/** A service as the launcher runs it. */
export interface ServiceSpec {
  readonly name: string;
  /** The bundle. */
  readonly script: string;
  readonly env: Readonly<Record<string, string>>;
  /** Takes stdout and stderr. */
  readonly logFile: string;
}

/** Told what the user should know. */
export type Say = (line: string) => void;

const readyWithinMs = 60_000;
const stopWithinMs = 2_500;
const firstPauseMs = 50;
const longestPauseMs = 5_000;
/** A service that lived this long is started again at once when it dies. */
const steadyMs = 30_000;
const largestLog = 16 << 20;

/** One service, started again whenever it ends unasked. */
export class ServiceProcess {
  readonly #spec: ServiceSpec;
  readonly #say: Say;
  #child: ChildProcess | undefined;
  #stopping = false;
  #pauseMs = firstPauseMs;

  constructor(spec: ServiceSpec, say: Say) {
    this.#spec = spec;
    this.#say = say;
  }

  get name(): string {
    return this.#spec.name;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Starts it; resolves when it serves. Throws Failure with its own last words when it ends before. */
  async start(): Promise<void> {
    turnLog(this.#spec.logFile);
    await this.#launch();
  }

  /** Asks it to stop in order, and ends it if it does not. */
  async stop(): Promise<void> {
    this.#stopping = true;
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGTERM');
    const late = setTimeout(() => child.kill('SIGKILL'), stopWithinMs);
    await exited;
    clearTimeout(late);
  }

  async #launch(): Promise<void> {
    const { name, script, env, logFile } = this.#spec;
    const log = openSync(logFile, 'a', 0o600);
    const from = statSync(logFile).size;
    const runtime = runtimeOf(name);
    const child = fork(script, [], {
      env: { ...runtime.env, ...env },
      execArgv: [...runtime.flags],
      stdio: ['ignore', log, log, 'ipc'],
    });
    closeSync(log);
    this.#child = child;
    const startedAt = Date.now();
    await this.#untilReady(child, from);
    if (this.#stopping) return;
    child.once('exit', (code, signal) => void this.#again(signal ?? `code ${code}`, Date.now() - startedAt));
  }

  /** A function, since it changes while this waits. */
  #stops(): boolean {
    return this.#stopping;
  }

  #untilReady(child: ChildProcess, from: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const ended = (): void => done(new Failure(`${this.name} did not start: ${lastWords(this.#spec.logFile, from)}`));
      const late = setTimeout(() => {
        child.kill('SIGKILL');
      }, readyWithinMs);
      const done = (failure?: Failure): void => {
        clearTimeout(late);
        child.off('exit', ended);
        child.off('message', ready);
        if (failure === undefined) resolve();
        else reject(failure);
      };
      const ready = (message: unknown): void => {
        if ((message as { type?: string }).type === 'ready') done();
      };
      child.once('exit', ended);
      child.on('message', ready);
      child.once('error', (error) => done(new Failure(`${this.name} did not start: ${error.message}`)));
    });
  }

  async #again(how: string, livedMs: number): Promise<void> {
    if (this.#stopping) return;
    if (livedMs > steadyMs) this.#pauseMs = firstPauseMs;
    this.#say(`${this.name} ended (${how}); starting it again`);
    const startedAt = Date.now();
    while (!this.#stops()) {
      await sleep(this.#pauseMs);
      this.#pauseMs = Math.min(this.#pauseMs * 2, longestPauseMs);
      try {
        if (this.#stops()) return;
        await this.#launch();
        this.#say(`${this.name} serves again after ${((Date.now() - startedAt) / 1000).toFixed(1)} s`);
        return;
      } catch (error) {
        this.#say(`${(error as Error).message}; trying again`);
      }
    }
  }
}

/** The logs of the last start and of the one before stay; none grows for ever. */
function turnLog(file: string): void {
  if (existsSync(file) && statSync(file).size > largestLog) renameSync(file, `${file}.1`);
}

/** The most telling line that the service wrote since `from`: its own sentence, or the message of its last fatal log line. */
function lastWords(file: string, from: number): string {
  const lines = readFileSync(file).subarray(from).toString('utf8').trimEnd().split('\n');
  for (const line of lines.reverse()) {
    if (line.startsWith('{')) {
      const { level, msg, err } = parse(line);
      if (level === 'fatal')
        return (
          [msg, msg?.includes(err?.message ?? '') ? undefined : err?.message]
            .filter((part) => part !== undefined)
            .join(': ') || line
        );
    } else if (/^[a-z-]+: /.test(line)) return line.replace(/^[a-z-]+: /, '');
  }
  return `its log is ${file}`;
}

function parse(line: string): { level?: string; msg?: string; err?: { message?: string } } {
  try {
    return JSON.parse(line) as { level?: string; msg?: string };
  } catch {
    return {};
  }
}

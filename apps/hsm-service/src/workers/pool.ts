import type { Worker } from 'node:worker_threads';
import { KeysteadError } from '@keystead/errors';
import { runJob, type JobArguments, type JobName, type JobResult, type Run } from '../domain/jobs.js';
import { overwrite, type Answer, type Order } from './messages.js';
import { startThread } from './start.js';

/** Sizes of a crypto pool. */
export interface PoolLimits {
  /** Threads for signatures, decryption and post-quantum work. */
  readonly threads: number;
  /** Threads that only make key pairs, so that nobody waits behind them. */
  readonly generators: number;
  /** Jobs that may wait for each kind of thread; beyond it Throttling. */
  readonly maxWaiting: number;
}

/** Threads that do what would hold up the event loop. */
export interface CryptoPool extends Disposable {
  readonly run: Run;
  /** Ends every thread with its memory; what waits or works fails with Sealed, and the next job starts new threads. */
  wipe(): void;
}

/** Makes a pool; its threads start when they are first needed and do not keep the process alive. */
export function cryptoPool({ threads, generators, maxWaiting }: PoolLimits): CryptoPool {
  const start = () => ({
    operations: new Lane(threads, maxWaiting),
    generation: new Lane(generators, maxWaiting),
  });
  let lanes = start();
  const close = (): void => {
    for (const lane of Object.values(lanes)) lane.close();
  };
  return {
    run: (name, args) => {
      if (isQuick(name, args)) return runJob(name, args);
      return (name === 'generateKeyPair' ? lanes.generation : lanes.operations).run(name, args);
    },
    wipe: () => {
      close();
      lanes = start();
    },
    [Symbol.dispose]: close,
  };
}

/** Whether a job takes less time than handing it to a thread and back, about 0.1 ms. */
function isQuick<Name extends JobName>(name: Name, args: JobArguments<Name>): boolean {
  if (name !== 'sign' && name !== 'verify') return name === 'agree' && (args as { own: Uint8Array }).own.length === 91;
  const { spec, prepared } = args as JobArguments<'sign'>;
  if (name === 'verify' && spec.kind === 'rsa') return true;
  return !prepared && (spec.kind === 'ed25519' || spec.name === 'ECC_NIST_P256');
}

interface Waiting extends Order {
  readonly resolve: (result: JobResult<JobName>) => void;
  readonly reject: (error: Error) => void;
}

/** Orders of each thread: one at work and one ready, so that it never waits for us. */
const DEPTH = 2;
/** Jobs that travel together at most. */
const COMPANY = 16;

/**
 * Jobs of less than about a millisecond: while others wait, several go to a thread in one message and come back in one.
 * A message there and back for each would cost a fifth of an RSA-2048 signature, and its answer a frame of its own as much.
 */
function isShort({ name, args }: Waiting): boolean {
  if (name !== 'sign') return false;
  const { spec } = args as JobArguments<'sign'>;
  return spec.kind === 'ec' || (spec.kind === 'rsa' && (spec.modulusBits ?? Infinity) <= 3072);
}

/** Threads that share a queue. */
class Lane {
  readonly #threads: Thread[];
  readonly #waiting: Waiting[] = [];
  readonly #maxWaiting: number;
  #lastId = 0;
  #closed = false;

  constructor(threads: number, maxWaiting: number) {
    this.#threads = Array.from({ length: threads }, () => new Thread(() => this.#next()));
    this.#maxWaiting = maxWaiting;
  }

  run<Name extends JobName>(name: Name, args: JobArguments<Name>): Promise<JobResult<Name>> {
    if (this.#closed) return Promise.reject(sealed());
    if (this.#waiting.length >= this.#maxWaiting)
      return Promise.reject(new KeysteadError('Throttling', 'Rate exceeded'));
    return new Promise((resolve, reject) => {
      const settle = resolve as (result: JobResult<JobName>) => void;
      this.#waiting.push({ id: ++this.#lastId, name, args, resolve: settle, reject });
      this.#next();
    });
  }

  #next(): void {
    while (this.#waiting.length > 0) {
      const idlest = this.#threads.reduce((best, thread) => (thread.load < best.load ? thread : best));
      if (idlest.load >= DEPTH) return;
      idlest.give(this.#waiting.splice(0, this.#company()));
    }
  }

  /** How many of those that wait longest go together: a fair part of the short ones, or one. */
  #company(): number {
    const most = Math.min(COMPANY, Math.ceil(this.#waiting.length / (this.#threads.length * DEPTH)));
    const other = this.#waiting.slice(0, most).findIndex((job) => !isShort(job));
    return Math.max(1, other < 0 ? most : other);
  }

  close(): void {
    this.#closed = true;
    for (const job of this.#waiting.splice(0)) {
      if ('material' in job.args) job.args.material.fill(0);
      job.reject(sealed());
    }
    for (const thread of this.#threads) thread.close();
  }
}

class Thread {
  readonly #atWork = new Map<number, Waiting>();
  readonly #onIdle: () => void;
  #worker: Worker | undefined;
  /** Orders that are not answered yet. */
  #orders = 0;

  constructor(onIdle: () => void) {
    this.#onIdle = onIdle;
  }

  get load(): number {
    return this.#orders;
  }

  give(jobs: readonly Waiting[]): void {
    this.#orders++;
    for (const job of jobs) this.#atWork.set(job.id, job);
    this.#worker ??= this.#start();
    const orders = jobs.map(({ id, name, args }): Order => ({ id, name, args: standingAlone(args) }));
    // Moved, since nobody could overwrite the copy that a message is on its way. The rest is copied.
    const moved = orders.flatMap(({ args }) => ('material' in args ? [args.material.buffer as ArrayBuffer] : []));
    this.#worker.postMessage(orders, moved);
    for (const { args } of jobs) if ('material' in args) overwrite(args.material);
  }

  #start(): Worker {
    const worker = startThread('crypto');
    worker.unref();
    worker.on('message', (answers: Answer[]) => {
      this.#orders--;
      for (const answer of answers) this.#settle(answer);
      this.#onIdle();
    });
    worker.on('error', (error) => this.#fail(worker, error));
    worker.on('exit', () => this.#fail(worker, new Error('A crypto thread ended.')));
    return worker;
  }

  #settle(answer: Answer): void {
    const job = this.#atWork.get(answer.id);
    this.#atWork.delete(answer.id);
    if ('failure' in answer) job?.reject(new Error(answer.failure));
    else job?.resolve(answer.result);
  }

  /** A thread that broke takes its jobs with it; the next job starts another. */
  #fail(worker: Worker, error: Error): void {
    if (this.#worker !== worker) return;
    this.#worker = undefined;
    const lost = [...this.#atWork.values()];
    this.#atWork.clear();
    this.#orders = 0;
    for (const job of lost) job.reject(error);
    this.#onIdle();
  }

  close(): void {
    const worker = this.#worker;
    if (worker) this.#fail(worker, sealed());
    void worker?.terminate();
  }
}

/** Bytes of a frame of calls are sent as a copy of themselves: a message would take the whole frame along. */
function standingAlone(args: JobArguments<JobName>): JobArguments<JobName> {
  const alone = Object.entries(args).map(([name, value]: [string, unknown]) => [
    name,
    value instanceof Uint8Array && value.byteLength < value.buffer.byteLength ? Uint8Array.from(value) : value,
  ]);
  return Object.fromEntries(alone) as JobArguments<JobName>;
}

function sealed(): KeysteadError {
  return new KeysteadError('Sealed', 'The HSM is sealed.');
}

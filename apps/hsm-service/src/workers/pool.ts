import type { Worker } from 'node:worker_threads';
import { KeysteadError } from '@keystead/errors';
import {
  canSignAside,
  runJob,
  signWithKeyAside,
  type JobArguments,
  type JobName,
  type JobResult,
  type Run,
} from '../domain/jobs.js';
import type { Answer, Order } from './messages.js';
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
    aside: new AsideLane(threads, maxWaiting),
  });
  let lanes = start();
  const close = (): void => {
    for (const lane of Object.values(lanes)) lane.close();
  };
  return {
    run: async (name, args) => {
      if (isQuick(name, args)) return runJob(name, args);
      if (name === 'sign' && canSignAside(args as JobArguments<'sign'>)) {
        return (await lanes.aside.run(() => signWithKeyAside(args as JobArguments<'sign'>))) as JobResult<typeof name>;
      }
      return await (name === 'generateKeyPair' ? lanes.generation : lanes.operations).run(name, args);
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

/** Results that are answered together at most. */
const GROUP = 4;

/**
 * Work on Node's own threads. It is handed over in small numbers, because those threads are as many on a machine with two
 * cores as on a large one, and would together leave the event loop too little.
 */
class AsideLane {
  readonly #waiting: { readonly start: () => void; readonly reject: (error: Error) => void }[] = [];
  /** Results that wait for company. */
  readonly #held: (() => void)[] = [];
  readonly #most: number;
  readonly #maxWaiting: number;
  #running = 0;
  #closed = false;

  constructor(threads: number, maxWaiting: number) {
    this.#most = threads + 1;
    this.#maxWaiting = maxWaiting;
  }

  async run<T>(work: () => Promise<T>): Promise<T> {
    this.#mustBeOpen();
    if (this.#running >= this.#most) await this.#turn();
    else this.#running++;
    try {
      return await work();
    } finally {
      this.#next();
      await this.#company();
      this.#mustBeOpen();
    }
  }

  #mustBeOpen(): void {
    if (this.#closed) throw new KeysteadError('Sealed', 'The HSM is closing.');
  }

  #next(): void {
    const next = this.#waiting.shift();
    if (next) next.start();
    else this.#running--;
  }

  /**
   * While others wait, results are answered together: a frame and a wake-up for each would cost a fifth of an RSA-2048
   * signature. Nobody is held when the queue is empty, so the last of a crowd lets all go.
   */
  async #company(): Promise<void> {
    if (this.#waiting.length > 0 && this.#held.length < GROUP - 1) {
      await new Promise<void>((go) => this.#held.push(go));
    } else {
      for (const go of this.#held.splice(0)) go();
    }
  }

  #turn(): Promise<void> {
    if (this.#waiting.length >= this.#maxWaiting) throw new KeysteadError('Throttling', 'Rate exceeded');
    return new Promise((start, reject) => this.#waiting.push({ start, reject }));
  }

  close(): void {
    this.#closed = true;
    for (const { reject } of this.#waiting.splice(0)) reject(new KeysteadError('Sealed', 'The HSM is closing.'));
    for (const go of this.#held.splice(0)) go();
  }
}

interface Waiting extends Order {
  readonly resolve: (result: JobResult<JobName>) => void;
  readonly reject: (error: Error) => void;
}

/** One job at work and one ready in each thread, so that it never waits for us. */
const DEPTH = 2;

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
    if (this.#closed) throw sealed();
    if (this.#waiting.length >= this.#maxWaiting) throw new KeysteadError('Throttling', 'Rate exceeded');
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
      idlest.give(this.#waiting.shift() as Waiting);
    }
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

  constructor(onIdle: () => void) {
    this.#onIdle = onIdle;
  }

  get load(): number {
    return this.#atWork.size;
  }

  give(job: Waiting): void {
    this.#atWork.set(job.id, job);
    const { id, name, args } = job;
    this.#worker ??= this.#start();
    this.#worker.postMessage({ id, name, args } satisfies Order); // copies
    if ('material' in args) args.material.fill(0);
  }

  #start(): Worker {
    const worker = startThread('crypto');
    worker.unref();
    worker.on('message', (answer: Answer) => this.#settle(answer));
    worker.on('error', (error) => this.#fail(worker, error));
    worker.on('exit', () => this.#fail(worker, new Error('A crypto thread ended.')));
    return worker;
  }

  #settle(answer: Answer): void {
    const job = this.#atWork.get(answer.id);
    this.#atWork.delete(answer.id);
    if ('failure' in answer) job?.reject(new Error(answer.failure));
    else job?.resolve(answer.result);
    this.#onIdle();
  }

  /** A thread that broke takes its jobs with it; the next job starts another. */
  #fail(worker: Worker, error: Error): void {
    if (this.#worker !== worker) return;
    this.#worker = undefined;
    const lost = [...this.#atWork.values()];
    this.#atWork.clear();
    for (const job of lost) job.reject(error);
    this.#onIdle();
  }

  close(): void {
    const worker = this.#worker;
    if (worker) this.#fail(worker, sealed());
    void worker?.terminate();
  }
}

function sealed(): KeysteadError {
  return new KeysteadError('Sealed', 'The HSM is sealed.');
}

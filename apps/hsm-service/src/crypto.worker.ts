import { parentPort } from 'node:worker_threads';
import { forgetRegularly, touched } from '@keystead/service/forget';
import { runJob, type JobName, type JobResult } from './domain/jobs.js';
import { leaving, overwrite, type Answer, type Order } from './workers/messages.js';

// It has a heap of its own, in which libraries leave copies of what they worked on.
forgetRegularly();

// A thread of the crypto pool: does one job after another. Everything it is sent is its own, and what it answers is not.
parentPort?.on('message', (orders: readonly Order[]) => {
  touched();
  const moved: ArrayBuffer[] = [];
  const answers = orders.map((order) => perform(order, moved));
  parentPort?.postMessage(answers, moved); // copies the rest
  for (const { args } of orders) overwrite(args);
  for (const answer of answers) if ('result' in answer) overwrite(answer.result);
});

function perform({ id, name, args }: Order, moved: ArrayBuffer[]): Answer {
  try {
    const leaves = leaving(name, runJob(name, args));
    moved.push(...leaves.moved);
    return { id, result: leaves.result as JobResult<JobName> };
  } catch (error) {
    return { id, failure: error instanceof Error ? `${error.name}: ${error.message}` : 'unknown failure' };
  }
}

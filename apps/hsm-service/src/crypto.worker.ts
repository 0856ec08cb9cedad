import { parentPort } from 'node:worker_threads';
import { runJob } from './domain/jobs.js';
import { overwrite, type Answer, type Order } from './workers/messages.js';

// A thread of the crypto pool: does one job after another. Everything it is sent is a copy of its own.
parentPort?.on('message', (orders: readonly Order[]) => {
  const answers = orders.map(perform);
  parentPort?.postMessage(answers); // copies
  for (const { args } of orders) overwrite(args);
  for (const answer of answers) if ('result' in answer) overwrite(answer.result);
});

function perform({ id, name, args }: Order): Answer {
  try {
    return { id, result: runJob(name, args) };
  } catch (error) {
    return { id, failure: error instanceof Error ? `${error.name}: ${error.message}` : 'unknown failure' };
  }
}

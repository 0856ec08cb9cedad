import { parentPort } from 'node:worker_threads';
import { runJob, type JobArguments, type JobName } from './domain/jobs.js';
import { overwrite, type Answer, type Order } from './workers/messages.js';

// A thread of the crypto pool: does one job after another. Everything it is sent is a copy of its own.
parentPort?.on('message', ({ id, name, args }: Order) => {
  const answer = perform(id, name, args);
  parentPort?.postMessage(answer); // copies
  overwrite(args);
  if ('result' in answer) overwrite(answer.result);
});

function perform(id: number, name: JobName, args: JobArguments<JobName>): Answer {
  try {
    return { id, result: runJob(name, args) };
  } catch (error) {
    return { id, failure: error instanceof Error ? `${error.name}: ${error.message}` : 'unknown failure' };
  }
}

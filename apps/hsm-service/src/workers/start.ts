import { Worker } from 'node:worker_threads';

/**
 * Starts src/<name>.worker.ts as a thread. The bundle has it beside itself; from sources (tests, `npm run dev`) a
 * thread needs the loader of TypeScript.
 */
export function startThread(name: 'crypto' | 'pkcs11', workerData?: unknown): Worker {
  if (!import.meta.url.endsWith('.ts'))
    return new Worker(new URL(`./${name}.worker.mjs`, import.meta.url), { workerData });
  const file = JSON.stringify(new URL(`../${name}.worker.ts`, import.meta.url).href);
  const program = `import('tsx/esm/api').then(({ register }) => { register(); return import(${file}); })`;
  return new Worker(program, { eval: true, execArgv: ['--conditions=@keystead/source'], workerData });
}

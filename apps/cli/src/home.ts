import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Failure } from './failure.js';

/** The folder of all bundles: this one is dist/cli/main.mjs. */
const bundles = dirname(dirname(fileURLToPath(import.meta.url)));

/** The bundle of a service. */
export function bundleOf(service: string): string {
  const file = join(bundles, service, 'main.mjs');
  if (!existsSync(file)) throw new Failure(`${file} is missing: run \`npm run bundle\` first.`);
  return file;
}

/** The migrations of a service, which lie beside its bundle. */
export function migrationsOf(service: string): string {
  return join(bundles, service, 'migrations');
}

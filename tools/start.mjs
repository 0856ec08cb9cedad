// npm start [-- options]: bundles what changed, then runs `keystead up` in this very process, so that signals reach it.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { bundle } from './bundle.mjs';
import { root } from './workspaces.mjs';

if (!existsSync(join(root, 'node_modules'))) fail('run `npm ci` first');
await bundle().catch((error) => fail(error.message));

const main = join(root, 'dist/cli/main.mjs');
process.argv.splice(1, process.argv.length, main, 'up', ...process.argv.slice(2));
process.setSourceMapsEnabled(true);
await import(pathToFileURL(main).href);

function fail(message) {
  console.error(`keystead: ${message}`);
  process.exit(1);
}

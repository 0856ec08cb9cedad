// npm test [-- vitest options]: every test once. Ends with the plain line `N passed, N failed, N skipped`, which CI counts,
// after the reasons of the skipped ones. A file that could not be loaded, and an error outside a test, count as failed.
import { fileURLToPath } from 'node:url';
import { parseCLI, startVitest } from 'vitest/node';
import { bundle } from './bundle.mjs';
import { root } from './workspaces.mjs';

process.chdir(root);
await bundle(); // generated code too; tests of the launcher run what users run

const { filter, options } = parseCLI(['vitest', 'run', ...process.argv.slice(2)]);
const json = fileURLToPath(new URL('../coverage/tests.json', import.meta.url));
const vitest = await startVitest('test', filter, {
  reporters: ['default', 'json'],
  outputFile: { json },
  ...options,
  run: true,
  watch: false,
});

const modules = vitest.state.getTestModules();
const tests = modules.flatMap((module) => [...module.children.allTests()]);
const inState = (state) => tests.filter((test) => test.result().state === state);
const broken = modules.filter((module) => module.errors().length > 0).length;
const brokenSuites = modules
  .flatMap((module) => [...module.children.allSuites()])
  .filter((suite) => suite.errors().length > 0).length;
const unhandled = vitest.state.getUnhandledErrors().length;
const failed = inState('failed').length + broken + brokenSuites + unhandled;
const skipped = inState('skipped');

await vitest.close();
if (failed > 0) process.exitCode ||= 1;

for (const test of skipped) {
  console.log(
    `skipped: ${test.module.relativeModuleId} > ${test.fullName}: ${test.result().note ?? 'no reason given'}`,
  );
}
console.log(`${inState('passed').length} passed, ${failed} failed, ${skipped.length} skipped`);

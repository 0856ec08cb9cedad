// After `npm install` and `npm ci`: generated code and bundles. People get a warning where a part does not build, CI an error.
import { bundle } from './bundle.mjs';
import { codegen } from './codegen.mjs';

try {
  codegen();
  await bundle();
} catch (error) {
  console.error(`keystead: the packages are installed, but the build is incomplete.\n${error.message}`);
  if (process.env.CI) process.exitCode = 1;
}

// npm run references [--check]: the "references" of every tsconfig.json follow from the dependencies in package.json.
// Tests stand apart in tsconfig.tests.json: they may use libs/testing, which uses every app, and references may not go in a circle.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { format } from 'prettier';
import { root, workspaces } from './workspaces.mjs';

const all = workspaces().filter(({ path }) => existsSync(join(root, path, 'tsconfig.json')));
const pathOf = new Map(all.map(({ path, manifest }) => [manifest.name, path]));

const wanted = [
  ...all.map(({ path, manifest }) => [
    `${path}/tsconfig.json`,
    Object.keys(manifest.dependencies ?? {})
      .flatMap((name) => pathOf.get(name) ?? [])
      .map((to) => posix.relative(path, to)),
  ]),
  ['tsconfig.tests.json', all.map(({ path }) => `./${path}`)],
  ['tsconfig.json', [...all.map(({ path }) => `./${path}`), './tsconfig.tests.json']],
];

const outdated = [];
for (const [file, references] of wanted) {
  const before = readFileSync(join(root, file), 'utf8');
  const config = { ...JSON.parse(before), references: references.sort().map((path) => ({ path })) };
  const after = await format(JSON.stringify(config), { parser: 'json', printWidth: 120 });
  if (after === (await format(JSON.stringify(JSON.parse(before)), { parser: 'json', printWidth: 120 }))) continue;
  outdated.push(file);
  if (!process.argv.includes('--check')) writeFileSync(join(root, file), after);
}

if (outdated.length > 0)
  console.log(
    `references: ${process.argv.includes('--check') ? 'out of date, run `npm run references`' : 'written'}: ${outdated.join(', ')}`,
  );
if (outdated.length > 0 && process.argv.includes('--check')) process.exitCode = 1;

import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { defaultClientConditions, defaultServerConditions } from 'vite';
import { defineConfig } from 'vitest/config';

// One PostgreSQL for a whole run; every test file gets a database of its own from it.
const globalSetup = fileURLToPath(new URL('libs/testing/src/global-setup.ts', import.meta.url));

// Not `module`: the AWS SDK's files behind it are for bundlers, Node cannot load them.
const forNode = (conditions: readonly string[]): string[] => [
  '@keystead/source',
  ...conditions.filter((c) => c !== 'module'),
];

export default defineConfig({
  // Both: vitest silently tests `dist` where only one of them is set.
  resolve: { conditions: forNode(defaultClientConditions) },
  ssr: { resolve: { conditions: forNode(defaultServerConditions) } },
  // The environment of globalSetup inherits neither: without this it needs `dist`, which a fresh clone does not have.
  environments: { __vitest__: { resolve: { conditions: forNode(defaultServerConditions) } } },
  test: {
    include: ['{apps,libs,tools}/*/{src,test}/**/*.test.ts'],
    globalSetup: existsSync(globalSetup) ? [globalSetup] : [],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    coverage: {
      include: ['{apps,libs}/*/src/**/*.ts'],
      exclude: ['**/*.test.ts', 'libs/proto/src/gen/**'],
      reporter: ['text-summary', 'html'],
    },
  },
});

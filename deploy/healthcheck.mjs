// The image's HEALTHCHECK: a service answers /readyz on its operations port, `up` answers /_keystead/health on its endpoint.
import { get as httpGet } from 'node:http';
import { get as httpsGet } from 'node:https';

const [, port] = (process.env.KEYSTEAD_OPS_LISTEN ?? '').match(/:(\d+)$/) ?? [];
const target = port ? `127.0.0.1:${port}/readyz` : '127.0.0.1:4566/_keystead/health';

const answers = (get, url) =>
  new Promise((resolve) => {
    // Over loopback to this very container; with `up --tls` the certificate names the outside.
    const request = get(url, { timeout: 3_000, rejectUnauthorized: false }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    request.on('timeout', () => request.destroy()).on('error', () => resolve(false));
  });

const healthy =
  (await answers(httpGet, `http://${target}`)) || (!port && (await answers(httpsGet, `https://${target}`)));
process.exit(healthy ? 0 : 1);

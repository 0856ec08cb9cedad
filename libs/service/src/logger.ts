import { pino, type Logger } from 'pino';

export type { Logger } from 'pino';

/** Fields that never reach a log, wherever in the first two levels they stand. */
const secrets = [
  'password',
  'secret',
  'secretAccessKey',
  'plaintext',
  'signingKey',
  'privateKey',
  'token',
  'authorization',
  'sessionToken',
];

/** A structured logger (one JSON object a line on stdout) for the service `name`. `level`: trace to fatal, or silent. */
export function logger(name: string, level = 'info'): Logger {
  return pino({
    name,
    level,
    base: { service: name, pid: process.pid },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    redact: { paths: secrets.flatMap((field) => [field, `*.${field}`]), censor: '[secret]' },
  });
}

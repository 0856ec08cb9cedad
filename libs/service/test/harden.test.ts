import { expect, test } from 'vitest';
import { ConfigError, mustNotBeWatched } from '@keystead/service';

test.each([
  '--inspect',
  '--inspect-brk=0.0.0.0:9229',
  '--report-on-fatalerror',
  '--heapsnapshot-signal=SIGUSR2',
  '--require /tmp/x.js',
  '-r /tmp/x.js',
  '--import=x',
])('a service with secrets refuses %s, as a flag and in NODE_OPTIONS', (flag) => {
  expect(() => mustNotBeWatched({}, ['--expose-gc', flag])).toThrow(ConfigError);
  expect(() => mustNotBeWatched({ NODE_OPTIONS: `--max-old-space-size=512 ${flag}` }, [])).toThrow(
    'does not start with',
  );
});

test('flags that give nothing away are fine', () => {
  const flags = ['--expose-gc', '--clear-free-memory', '--disable-proto=delete', '--enable-source-maps'];
  expect(() => mustNotBeWatched({ NODE_OPTIONS: '--max-old-space-size=512' }, flags)).not.toThrow();
});

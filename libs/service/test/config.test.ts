import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import {
  address,
  ConfigError,
  flag,
  int,
  optional,
  required,
  secretFile,
  serviceConfig,
  splitAddress,
} from '../src/index.js';

test('what is missing or wrong is named, with what would be right', () => {
  expect(() => required({}, 'A')).toThrow(new ConfigError('A must be set.'));
  expect(() => required({ A: '' }, 'A')).toThrow(ConfigError);
  for (const A of ['x', '-1', '1.5', '99999999999', '1e3']) expect(() => int({ A }, 'A', 0)).toThrow(/whole number/);
  expect(() => int({ A: '5' }, 'A', 0, { max: 4 })).toThrow('A must be a whole number from 0 to 4, not "5".');
  expect(() => flag({ A: 'yes' }, 'A')).toThrow(/1 or 0/);
  for (const A of ['localhost', ':1', 'a:b', 'a:123456', 'a:70000', '::1:1'])
    expect(() => address({ A }, 'A')).toThrow(/^A must/);
  expect(() => serviceConfig({ KEYSTEAD_TLS_DIR: 'x', KEYSTEAD_ACCOUNT: '1' })).toThrow(/12 digits/);
});

test('what is there is read', () => {
  expect([int({}, 'A', 7), int({ A: '0' }, 'A', 7), optional({ A: '' }, 'A', 'd'), optional({}, 'A')]).toEqual([
    7,
    0,
    'd',
    undefined,
  ]);
  expect([flag({}, 'A'), flag({ A: 'true' }, 'A'), flag({ A: '0' }, 'A')]).toEqual([false, true, false]);
  expect(splitAddress('[::1]:443')).toEqual({ host: '::1', port: 443 });
  expect(address({}, 'A', '127.0.0.1:0')).toBe('127.0.0.1:0');
  expect(serviceConfig({ KEYSTEAD_TLS_DIR: 'x' })).toMatchObject({
    account: '000000000000',
    region: 'us-east-1',
    testMode: false,
  });
});

test('a secret comes from a file and is never in a message', () => {
  const folder = mkdtempSync(join(tmpdir(), 'keystead-config-'));
  const file = join(folder, 'secret');
  writeFileSync(file, 's3cret\n');
  expect(secretFile({ A: file }, 'A')).toBe('s3cret');
  expect(secretFile({}, 'A')).toBeUndefined();
  writeFileSync(file, '\n');
  expect(() => secretFile({ A: file }, 'A')).toThrow('A names an empty file.');
  expect(() => secretFile({ A: join(folder, 'none') }, 'A')).toThrow(/cannot be read/);
  rmSync(folder, { recursive: true });
});

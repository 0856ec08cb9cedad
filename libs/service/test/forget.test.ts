import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

test('a process that is never quiet collects what is old, and need not be forced to', () => {
  const script = fileURLToPath(new URL('./fixtures/busy.ts', import.meta.url));
  const flags = ['--expose-gc', '--import', 'tsx', '--conditions=@keystead/source'];
  const { stdout } = spawnSync(process.execPath, [...flags, script], { encoding: 'utf8', timeout: 30_000 });
  expect(stdout).toBe('begun: undefined\n');
});

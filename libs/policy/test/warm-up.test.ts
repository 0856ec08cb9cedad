import { expect, test } from 'vitest';
import { warmUp } from '../src/index.js';

test('others have their turn while the engine warms up, which it does once', async () => {
  let turns = 0;
  let warm = false;
  const look = (): void => {
    turns++;
    if (!warm) setImmediate(look);
  };
  look();
  await warmUp();
  warm = true;
  expect(turns).toBeGreaterThan(500);
  turns = 0;
  await warmUp();
  expect(turns).toBeLessThan(2);
});

import { setTimeout as sleep } from 'node:timers/promises';
import { RootCondition } from '@keystead/proto/hsm';
import type { DataFolder } from '../data-folder.js';
import { withCeremonies } from '../hsm/connection.js';
import type { Say } from './service-process.js';

const pollMs = 500;

/** Waits until the root is open, and says how operators open or make it. */
export async function untilUnsealed({ path }: DataFolder, say: Say, signal: AbortSignal): Promise<void> {
  await withCeremonies(path, async (client) => {
    let told = RootCondition.ROOT_CONDITION_OPEN as number;
    while (!signal.aborted) {
      const { condition } = await client.describeRoot({});
      if (condition === RootCondition.ROOT_CONDITION_OPEN) return;
      if (condition !== told) say(advice(condition, path));
      told = condition;
      await sleep(pollMs, undefined, { signal }).catch(() => undefined);
    }
  });
}

function advice(condition: RootCondition, path: string): string {
  return condition === RootCondition.ROOT_CONDITION_UNINITIALIZED
    ? `there is no root of trust yet; in another terminal: keystead hsm init --data ${path} --shares 2/3`
    : `the HSM is sealed, and everything waits for it; in another terminal: keystead hsm unseal --data ${path}`;
}

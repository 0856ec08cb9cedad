import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Target } from '../http/connection.js';
import { callKms } from '../http/kms.js';
import type { Lab } from '../lab.js';
import { type Outcome, reach } from '../report/outcome.js';
import { environment, readCredentials, root, startKeystead } from '../system/keystead.js';
import { freePorts } from '../system/ports.js';
import { prepareMaterial } from './operations.js';

const atMostSeconds = 8;
const withinSeconds = 90;
const times = 3;

/** From `npm start` to the first data key, on data that an earlier start has made. */
export async function start(lab: Lab): Promise<Outcome> {
  const begun = performance.now();
  const starting = startKeystead({ data: lab.data });
  lab.onClose(async () => (await starting).stop());
  const keystead = await starting;
  const first = (performance.now() - begun) / 1_000;
  const { keyId } = await prepareMaterial(keystead.edge, keystead.credentials).finally(() => keystead.stop());
  const seconds: number[] = [];
  for (let n = 1; n <= times; n++) {
    lab.progress(`npm start, ${n} of ${times}`);
    seconds.push(await timeStart(lab, keyId));
  }
  const median = seconds.toSorted((a, b) => a - b)[Math.floor(times / 2)] ?? NaN;
  const rows = [
    ['keystead up, new data folder', first.toFixed(1)],
    ['npm start, existing data', `${median.toFixed(1)} (of ${seconds.map((value) => value.toFixed(1)).join(', ')})`],
  ];
  return {
    tables: [{ title: 'From start to first answer', columns: ['', 'seconds'], rows }],
    reaches: [reach('npm start on existing data, first answer', median, { atMost: atMostSeconds }, ' s')],
    skipped: [],
    figures: { firstStartSeconds: first, secondStartSeconds: seconds },
  };
}

async function timeStart(lab: Lab, keyId: string): Promise<number> {
  const { data } = lab;
  const port = await freePorts(3);
  const log = openSync(`${data}.npm.log`, 'w', 0o600);
  const begun = performance.now();
  const npm = spawn('npm', ['start', '--', '--data', data, '--port', String(port)], {
    ...{ cwd: root, env: environment(), stdio: ['ignore', log, log] },
  });
  closeSync(log);
  const ended = new Promise((resolve) => npm.once('exit', resolve));
  const stop = async (): Promise<void> => {
    // The launcher itself: npm is only its parent.
    if (npm.exitCode === null) process.kill(Number(readFileSync(join(data, 'launcher.pid'), 'utf8')), 'SIGTERM');
    await ended;
  };
  lab.onClose(stop);
  try {
    await untilAnswer({ host: '127.0.0.1', port }, data, keyId, () => npm.exitCode !== null);
    return (performance.now() - begun) / 1_000;
  } finally {
    await stop();
  }
}

async function untilAnswer(target: Target, data: string, keyId: string, ended: () => boolean): Promise<void> {
  const until = performance.now() + withinSeconds * 1_000;
  for (;;) {
    try {
      await callKms(target, 'GenerateDataKey', { KeyId: keyId, KeySpec: 'AES_256' }, readCredentials(data));
      return;
    } catch (error) {
      if (ended() || performance.now() > until) {
        throw new Error(`npm start does not answer: ${readFileSync(`${data}.npm.log`, 'utf8').slice(-600)}`, {
          cause: error,
        });
      }
      await sleep(20);
    }
  }
}

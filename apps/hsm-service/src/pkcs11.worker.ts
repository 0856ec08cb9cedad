import { parentPort, workerData } from 'node:worker_threads';
import type { Pkcs11 } from './pkcs11/login.js';
import { DeviceError, type DeviceAnswer, type DeviceOrder, type Pkcs11Settings } from './pkcs11/messages.js';
import { Token } from './pkcs11/token.js';
import { overwrite } from './workers/messages.js';

// The thread of a PKCS#11 device, whose calls block: one call after another, everything sent is a copy of its own.
let opening: Promise<Token> | undefined;

parentPort?.on('message', (message: DeviceOrder | 'close') => {
  if (message === 'close') void close();
  else void answer(message);
});

async function answer({ id, name, args }: DeviceOrder): Promise<void> {
  let said: DeviceAnswer;
  try {
    const token = await (opening ??= open(workerData as Pkcs11Settings));
    said = { id, result: token.call(name, args) };
  } catch (error) {
    const { problem, message } = error instanceof DeviceError ? error : new DeviceError('away', String(error));
    said = { id, problem, message };
  }
  parentPort?.postMessage(said); // copies
  overwrite(args);
  if ('result' in said) overwrite(said.result);
}

async function open(settings: Pkcs11Settings): Promise<Token> {
  return new Token(await load(), settings);
}

async function load(): Promise<Pkcs11> {
  try {
    const loaded = (await import('pkcs11js')) as Pkcs11 & { default?: Pkcs11 };
    return loaded.default ?? loaded;
  } catch {
    const how = 'install a C++ compiler, make and Python, then run `npm rebuild pkcs11js`';
    throw new DeviceError('refused', `The npm package pkcs11js, which speaks PKCS#11, is not here: ${how}.`);
  }
}

async function close(): Promise<void> {
  (await opening?.catch(() => undefined))?.close();
  parentPort?.close();
}

import { KeysteadError } from '@keystead/errors';
import type { Worker } from 'node:worker_threads';
import type { KeyDevice } from '../domain/domain-keys.js';
import { view } from '../domain/bytes.js';
import { overwrite } from '../workers/messages.js';
import { startThread } from '../workers/start.js';
import {
  DeviceError,
  type DeviceAnswer,
  type DeviceCall,
  type DeviceCalls,
  type DeviceOrder,
  type Pkcs11Settings,
} from './messages.js';

/** No caller waits longer: kms-service has 2 s for an answer. */
const ANSWER_MS = 1_500;
/** The first login, at start: some devices take their time, and nobody waits yet. */
const START_MS = 20_000;
const PROBE_HERE_MS = 2_000;
const PROBE_AWAY_MS = 500;
const MAX_WAITING = 1_024;

/** What is told about changes; `here` after it was away. */
export interface DeviceEvents {
  readonly away: (reason: string) => void;
  readonly here: () => void;
}

interface Waiting {
  readonly resolve: (result: never) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

/**
 * A token of a PKCS#11 device. Its blocking calls are made in a thread of their own. When it does not answer, every
 * call is refused at once with Unavailable, until a look at it, twice a second, finds it again.
 */
export class Pkcs11Device implements KeyDevice {
  readonly #worker: Worker;
  readonly #events: DeviceEvents;
  readonly #waiting = new Map<number, Waiting>();
  readonly #ended: Promise<void>;
  #lastId = 0;
  #away: string | undefined;
  #probe: NodeJS.Timeout | undefined;
  #closed = false;

  private constructor(settings: Pkcs11Settings, events: DeviceEvents) {
    this.#events = events;
    this.#worker = startThread('pkcs11', settings);
    this.#worker.unref();
    this.#worker.on('message', (answer: DeviceAnswer) => this.#settle(answer));
    this.#worker.on('error', (error) => this.#leave(error.message));
    this.#worker.on('exit', () => this.#leave('its thread ended'));
    this.#ended = new Promise((ended) => this.#worker.once('exit', () => ended()));
  }

  /** Finds the token and logs in. Throws DeviceError with one sentence for the operator. */
  static async open(settings: Pkcs11Settings, events: DeviceEvents): Promise<Pkcs11Device> {
    const device = new Pkcs11Device(settings, events);
    try {
      await device.#ask('ping', {}, START_MS);
      device.#probeLater();
      return device;
    } catch (error) {
      await device.close();
      throw error;
    }
  }

  /** Waits for a token that is away, and logs in when it is there. */
  static awaited(settings: Pkcs11Settings, events: DeviceEvents, reason: string): Pkcs11Device {
    const device = new Pkcs11Device(settings, events);
    device.#leave(reason);
    device.#probeLater();
    return device;
  }

  /** Whether it answered lately. */
  get isHere(): boolean {
    return this.#away === undefined;
  }

  /** Serial number and label of the token. Throws DeviceError, as all that follows here. */
  async name(): Promise<{ serial: string; label: string }> {
    return await this.call('ping', {});
  }

  /** One call. Throws DeviceError. */
  async call<Name extends DeviceCall>(
    name: Name,
    args: DeviceCalls[Name]['args'],
  ): Promise<DeviceCalls[Name]['result']> {
    if (this.#away !== undefined) throw new DeviceError('away', this.#away);
    if (this.#waiting.size >= MAX_WAITING) throw new KeysteadError('Throttling', 'Rate exceeded');
    return await this.#ask(name, args, ANSWER_MS);
  }

  async make(id: Buffer): Promise<void> {
    await this.#serve('makeKey', { id, kind: 'hmac' });
  }

  async hmac(id: Buffer, input: Uint8Array): Promise<Buffer> {
    return view(await this.#serve('hmac', { id, input }));
  }

  async destroy(id: Buffer): Promise<void> {
    await this.#serve('destroyKey', { id, kind: 'hmac' });
  }

  /**
   * Ends the session; calls in flight are refused. Resolves when the library is finished with: it is the whole process's, and
   * whoever starts it anew must not meet it half ended.
   */
  close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#probe);
    this.#refuseAll('it is closed');
    this.#worker.postMessage('close');
    return this.#ended;
  }

  /** The same with errors of the wire: whatever is wrong with the device, the caller may try again. */
  async #serve<Name extends DeviceCall>(
    name: Name,
    args: DeviceCalls[Name]['args'],
  ): Promise<DeviceCalls[Name]['result']> {
    try {
      return await this.call(name, args);
    } catch (error) {
      if (!(error instanceof DeviceError)) throw error;
      throw new KeysteadError('Unavailable', "The HSM's device does not answer.", { cause: error });
    }
  }

  #ask<Name extends DeviceCall>(
    name: Name,
    args: DeviceCalls[Name]['args'],
    withinMs: number,
  ): Promise<DeviceCalls[Name]['result']> {
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(id);
        const error = new DeviceError('away', `The PKCS#11 device did not answer within ${withinMs} ms.`);
        this.#leave(error.message);
        reject(error);
      }, withinMs);
      this.#waiting.set(id, { resolve, reject, timer });
      this.#worker.postMessage({ id, name, args } satisfies DeviceOrder); // copies
    });
  }

  #settle(answer: DeviceAnswer): void {
    const waiting = this.#waiting.get(answer.id);
    this.#waiting.delete(answer.id);
    clearTimeout(waiting?.timer);
    if ('result' in answer) {
      if (waiting) waiting.resolve(answer.result as never);
      else overwrite(answer.result); // too late for anybody
      return;
    }
    const { problem, message } = answer;
    if (problem === 'away' || problem === 'refused') this.#leave(message);
    waiting?.reject(new DeviceError(problem, message));
  }

  #leave(reason: string): void {
    if (this.#closed || this.#away !== undefined) return;
    this.#away = reason;
    this.#events.away(reason);
    if (this.#probe) this.#probeLater();
  }

  #probeLater(): void {
    clearTimeout(this.#probe);
    if (this.#closed) return;
    const next = (): void => void this.#look().finally(() => this.#probeLater());
    this.#probe = setTimeout(next, this.isHere ? PROBE_HERE_MS : PROBE_AWAY_MS).unref();
  }

  async #look(): Promise<void> {
    try {
      await this.#ask('ping', {}, this.isHere ? ANSWER_MS : START_MS);
    } catch {
      return;
    }
    if (this.#away === undefined) return;
    this.#away = undefined;
    this.#events.here();
  }

  #refuseAll(reason: string): void {
    for (const { reject, timer } of this.#waiting.values()) {
      clearTimeout(timer);
      reject(new DeviceError('away', `The PKCS#11 device was given up: ${reason}.`));
    }
    this.#waiting.clear();
  }
}

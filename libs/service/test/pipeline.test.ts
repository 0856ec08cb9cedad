import { KeysteadError } from '@keystead/errors';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { byCase, pipeline, type CaseTable, type PipelineCall } from '../src/index.js';
import { Bench, codeOf, later, method, proxyTo, random, until, type Operation, type Outcome } from './harness.js';

let bench: Bench;
beforeEach(async () => {
  bench = await Bench.open();
});
afterEach(() => bench[Symbol.asyncDispose]());

/** As `random` does, and at once. */
function ready(operation: Operation) {
  if (operation.$case !== 'generateRandom') throw new Error('not asked for');
  return { $case: 'generateRandom' as const, value: { plaintext: new Uint8Array(operation.value.numberOfBytes) } };
}

const bytes = (numberOfBytes: number): Operation => ({ $case: 'generateRandom', value: { numberOfBytes } });

describe('calls', () => {
  test('10,000 calls come back each with its own answer, whatever the order', async () => {
    const { address } = await bench.pipeline({
      handle: async (operation) => {
        if (Math.random() < 0.05) await later(Math.random() * 20);
        return random(operation);
      },
    });
    const client = await bench.client(address);
    let next = 0;
    let wrong = 0;
    const caller = async (): Promise<void> => {
      while (next < 10_000) {
        const size = next++ % 1_024;
        const { plaintext } = await client.request('generateRandom', { numberOfBytes: size });
        if (plaintext.length !== size) wrong++;
      }
    };
    await Promise.all(Array.from({ length: 500 }, caller));
    expect(wrong).toBe(0);
  });

  test('concurrent calls share frames within the limits', async () => {
    const { address } = await bench.pipeline({ handle: random });
    const client = await bench.client(address);
    const plaintext = new Uint8Array(4_096);
    const key = { token: new Uint8Array(180), account: '000000000000', keyId: 'k' };
    const { address: echo } = await bench.pipeline({
      handle: async (operation) => {
        if (operation.$case !== 'encrypt') throw new Error('not asked for');
        return { $case: 'encrypt', value: { ciphertextBlob: operation.value.plaintext } };
      },
    });
    const echoClient = await bench.client(echo);
    const answers = await Promise.all(
      Array.from({ length: 300 }, () => echoClient.request('encrypt', { key, plaintext, encryptionContext: {} })),
    );
    expect(answers.every(({ ciphertextBlob }) => ciphertextBlob.length === 4_096)).toBe(true);
    await client.request('generateRandom', { numberOfBytes: 1 });
  });

  test('answers that are ready together share frames, of 64 answers and 64 KiB at most', async () => {
    const frames: { results: number; bytes: number }[] = [];
    const responseDeserialize = (frame: Buffer) => {
      const read = method.responseDeserialize(frame);
      frames.push({ results: read.results.length, bytes: frame.length });
      return read;
    };
    const { address } = await bench.pipeline({ handle: ready });
    const client = await bench.client(address, { method: { ...method, responseDeserialize } });
    const ask = async (count: number, numberOfBytes: number): Promise<void> => {
      const calls = Array.from({ length: count }, () => client.request('generateRandom', { numberOfBytes }));
      for (const { plaintext } of await Promise.all(calls)) expect(plaintext).toHaveLength(numberOfBytes);
    };
    await ask(200, 8);
    expect(frames.map(({ results }) => results)).toEqual([64, 64, 64, 8]);
    await ask(64, 4_096);
    await ask(2, 100_000);
    const alone = frames.filter(({ bytes }) => bytes > 64 * 1024);
    expect(alone.map(({ results }) => results)).toEqual([1, 1]);
  });

  test('an answer that cannot be encoded fails alone', async () => {
    const { address } = await bench.pipeline({
      handle: (operation) => {
        const outcome = ready(operation);
        return outcome.value.plaintext.length === 7
          ? ({ $case: 'generateRandom', value: { plaintext: undefined } } as never)
          : outcome;
      },
    });
    const client = await bench.client(address);
    const ask = (numberOfBytes: number) => client.request('generateRandom', { numberOfBytes });
    const [before, failing, after] = [ask(6), codeOf(ask(7)), ask(8)];
    expect(await failing).toBe('Internal');
    for (const { plaintext } of [await before, await after]) expect([6, 8]).toContain(plaintext.length);
  });

  test('a stream that falls quiet sends an empty frame both ways: grpc-js keeps the last one, which may hold a key', async () => {
    const [asked, answered]: [number[], number[]] = [[], []];
    const counting =
      <T>(sizes: number[], read: (frame: Buffer) => T) =>
      (frame: Buffer): T => {
        sizes.push(frame.length);
        return read(frame);
      };
    const served = { ...method, requestDeserialize: counting(asked, method.requestDeserialize) };
    const implementation = { pipeline: pipeline({ method, handle: random }) };
    const { address } = await bench.serve([{ definition: { pipeline: served }, implementation }]);
    const responseDeserialize = counting(answered, method.responseDeserialize);
    const client = await bench.client(address, { method: { ...method, responseDeserialize } });
    for (let i = 0; i < 2; i++) {
      await client.call(bytes(32));
      await until(() => asked.at(-1) === 0 && answered.at(-1) === 0, 30_000);
    }
    for (const sizes of [asked, answered]) expect(sizes.map((size) => size > 0)).toEqual([true, false, true, false]);
  }, 70_000);

  test('an error keeps its code, message and details; anything else becomes Internal without its text', async () => {
    const { address } = await bench.pipeline({
      handle: (operation) => {
        if (operation.$case === 'encrypt') throw new Error('a secret');
        return Promise.reject(new KeysteadError('Disabled', 'It is disabled.', { details: { keyId: 'k' } }));
      },
    });
    const client = await bench.client(address);
    await expect(client.call(bytes(1))).rejects.toMatchObject({
      code: 'Disabled',
      message: 'It is disabled.',
      details: { keyId: 'k' },
    });
    const failed = client.call({
      $case: 'encrypt',
      value: { key: undefined, plaintext: new Uint8Array(1), encryptionContext: {} },
    });
    await expect(failed).rejects.toMatchObject({
      code: 'Internal',
      message: expect.not.stringContaining('secret') as string,
    });
  });

  test('a table of handlers answers under the same case', async () => {
    const unused = (): Promise<never> => Promise.reject(new KeysteadError('UnsupportedOperation', 'no'));
    const handle = byCase<Operation, Outcome>({
      generateRandom: async ({ numberOfBytes }: { numberOfBytes: number }) => ({
        plaintext: new Uint8Array(numberOfBytes),
      }),
      generateKey: unused,
      encrypt: unused,
      decrypt: unused,
      reEncrypt: unused,
      generateDataKey: unused,
    } as unknown as CaseTable<Operation, Outcome>);
    const { address } = await bench.pipeline({ handle });
    const client = await bench.client(address);
    expect((await client.request('generateRandom', { numberOfBytes: 3 })).plaintext).toHaveLength(3);
    expect(
      await codeOf(
        client.request('decrypt', { key: undefined, ciphertextBlob: new Uint8Array(0), encryptionContext: {} }),
      ),
    ).toBe('UnsupportedOperation');
  });

  test('the handler sees context, peer and traceparent as they were sent', async () => {
    let seen: PipelineCall | undefined;
    const { address } = await bench.pipeline({
      handle: (operation, call) => {
        seen = call;
        return random(operation);
      },
    });
    const client = await bench.client(address);
    const traceParent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;
    const context = {
      principal: undefined,
      accessKeyId: 'AKIA',
      session: undefined,
      sourceIp: '10.0.0.1',
      userAgent: 'x',
      tls: undefined,
      viaService: '',
      requestId: 'r',
    };
    await client.call(bytes(1), { context, traceParent });
    expect(seen).toMatchObject({ peer: { kind: 'service', name: 'kms-service' }, sourceIp: '127.0.0.1', traceParent });
    expect(seen?.context).toMatchObject({ accessKeyId: 'AKIA', requestId: 'r' });
  });

  test('a call that the server would not read fails alone', async () => {
    const { address } = await bench.pipeline({ handle: random });
    const client = await bench.client(address, { maxMessageBytes: 10_000 });
    const big = client.call({
      $case: 'encrypt',
      value: { key: undefined, plaintext: new Uint8Array(20_000), encryptionContext: {} },
    });
    expect(await codeOf(big)).toBe('RequestTooLarge');
    await client.call(bytes(1));
  });
});

describe('limits and time', () => {
  test('beyond 1,024 in flight a call is throttled, and the others are answered', async () => {
    let open: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => (open = resolve));
    const { address } = await bench.pipeline({ handle: (operation) => gate.then(() => random(operation)) });
    const client = await bench.client(address);
    await client.waitForReady(2_000);
    const calls = Array.from({ length: 1_024 }, () => client.call(bytes(1)));
    expect(await codeOf(client.call(bytes(1)))).toBe('Throttling');
    open();
    expect(await Promise.all(calls)).toHaveLength(1_024);
    await client.call(bytes(1));
  });

  test('the server throttles a client that keeps no limit', async () => {
    const { address } = await bench.pipeline({
      handle: (operation) => later(100).then(() => random(operation)),
      maxInFlight: 10,
    });
    const client = await bench.client(address);
    await client.waitForReady(2_000);
    const codes = await Promise.all(Array.from({ length: 15 }, () => codeOf(client.call(bytes(1)))));
    expect(codes.filter((code) => code === 'Throttling')).toHaveLength(5);
  });

  test('a call whose time runs out fails, the handler is told, and a late answer harms nobody', async () => {
    const aborted: string[] = [];
    const { address } = await bench.pipeline({
      handle: async (operation, call) => {
        if (operation.$case === 'generateRandom' && operation.value.numberOfBytes === 7) {
          call.signal.addEventListener('abort', () => aborted.push('7'));
          await later(600);
        }
        return random(operation);
      },
    });
    const client = await bench.client(address);
    await client.waitForReady(2_000);
    const begun = Date.now();
    expect(await codeOf(client.call(bytes(7), { timeoutMs: 150 }))).toBe('DeadlineExceeded');
    expect(Date.now() - begun).toBeLessThan(500);
    await until(() => aborted.length === 1);
    await later(600);
    await client.call(bytes(1));
  });

  test('cancelling fails the call at once and tells the handler', async () => {
    let told = false;
    const { address } = await bench.pipeline({
      handle: (_operation, call) =>
        new Promise((_resolve, reject) =>
          call.signal.addEventListener('abort', () => {
            told = true;
            reject(new Error('stop'));
          }),
        ),
    });
    const client = await bench.client(address);
    await client.waitForReady(2_000);
    const abort = new AbortController();
    const call = codeOf(client.call(bytes(1), { signal: abort.signal }));
    await later(50);
    abort.abort();
    expect(await call).toBe('Cancelled');
    await until(() => told);
    expect(await codeOf(client.call(bytes(1), { signal: abort.signal }))).toBe('Cancelled');
  });

  test('slow operations hold up nobody else and run two at a time', async () => {
    let running = 0;
    let most = 0;
    const { address } = await bench.pipeline({
      slow: ({ $case }) => $case === 'generateKey',
      handle: async (operation) => {
        if (operation.$case !== 'generateKey') return random(operation);
        most = Math.max(most, ++running);
        await later(60);
        running--;
        return {
          $case: 'generateKey',
          value: { token: new Uint8Array(0), materialId: new Uint8Array(0), publicKey: new Uint8Array(0) },
        };
      },
    });
    const client = await bench.client(address);
    await client.waitForReady(2_000);
    const key = {
      account: '000000000000',
      keyId: 'k',
      keySpec: 2,
      keyUsage: 1,
      generation: 0,
      multiRegion: false,
    } as never;
    const slow = Promise.all(Array.from({ length: 8 }, () => client.request('generateKey', key)));
    const begun = performance.now();
    await Promise.all(Array.from({ length: 200 }, () => client.call(bytes(1))));
    expect(performance.now() - begun).toBeLessThan(150);
    await slow;
    expect(most).toBe(2);
  });
});

describe('streams', () => {
  test('a service that is not there: Unavailable within two seconds, and found once it is', async () => {
    const first = await bench.pipeline({ handle: random });
    await first.close();
    const client = await bench.client(first.address);
    const begun = Date.now();
    expect(await codeOf(client.call(bytes(1)))).toBe('Unavailable');
    expect(Date.now() - begun).toBeLessThan(2_000);
    const waiting = client.call(bytes(2));
    await bench.pipeline({ handle: random }, { listen: first.address });
    await waiting;
  });

  test('a stream that breaks fails its calls, only idempotent ones go again, once', async () => {
    let tries = 0;
    const handle = async (operation: Operation): ReturnType<typeof random> => {
      tries++;
      await later(300);
      return random(operation);
    };
    const proxy = bench.own(await proxyTo((await bench.pipeline({ handle })).address));
    const client = await bench.client(proxy.address, {
      idempotent: ({ $case, value }) => $case === 'generateRandom' && value.numberOfBytes === 2,
    });
    await client.waitForReady(2_000);
    const mutation = codeOf(client.call(bytes(1)));
    const pure = client.call(bytes(2));
    await until(() => tries === 2);
    proxy.cut();
    expect(await mutation).toBe('Unavailable');
    expect((await pure).$case).toBe('generateRandom');
    expect(tries).toBe(3);
  });

  test('after a restart the service is reached again within a second', async () => {
    const proxy = bench.own(await proxyTo((await bench.pipeline({ handle: random })).address));
    const client = await bench.client(proxy.address);
    await client.call(bytes(1));
    await proxy.down();
    await later(3_000);
    expect(await codeOf(client.call(bytes(1)))).toBe('Unavailable');
    await proxy.up();
    const begun = Date.now();
    await client.call(bytes(1));
    expect(Date.now() - begun).toBeLessThan(1_000);
  });

  test('closing a server loses no call: in flight are answered, the next go to its successor', async () => {
    const first = await bench.pipeline({ handle: (operation) => later(100).then(() => random(operation)) });
    const client = await bench.client(first.address);
    await client.waitForReady(2_000);
    const inFlight = Promise.all(Array.from({ length: 50 }, () => client.call(bytes(1))));
    await later(20);
    const closed = first.close();
    expect(await inFlight).toHaveLength(50);
    await closed;
    await bench.pipeline({ handle: random }, { listen: first.address });
    await client.call(bytes(1));
  });

  test('a stream ends at its age and another takes over, without a lost call', async () => {
    const { address } = await bench.pipeline({ handle: (operation) => later(5).then(() => random(operation)) });
    const client = await bench.client(address, { maxAgeMs: 200 });
    for (const end = Date.now() + 1_500; Date.now() < end;)
      await Promise.all(Array.from({ length: 20 }, () => client.call(bytes(1))));
  });

  test('renewed certificates: a new stream, no lost call, and the old certificate is out of use', async () => {
    const { address } = await bench.pipeline(
      { handle: (operation) => later(5).then(() => random(operation)) },
      { pollMs: 50 },
    );
    const tls = await bench.identity('kms-service', 50);
    let changes = 0;
    tls.onChange(() => changes++);
    const client = await bench.client(address, { tls });
    const until2 = Date.now() + 1_500;
    let renewed = false;
    while (Date.now() < until2) {
      await Promise.all(Array.from({ length: 20 }, () => client.call(bytes(1))));
      if (!renewed) await Promise.all([bench.pki.renew('kms-service'), bench.pki.renew('hsm-service')]);
      renewed = true;
    }
    expect(changes).toBe(1);
  });

  test('replicas: a call that one cannot answer goes to the others, and one that dies under load loses no call', async () => {
    let behind = 0;
    const lagging = await bench.pipeline({
      handle: () => {
        behind++;
        return Promise.reject(new KeysteadError('RootBehind', 'not yet'));
      },
    });
    const [first, second] = [await bench.pipeline({ handle: random }), await bench.pipeline({ handle: random })];
    const dying = await proxyTo(second.address);
    const address = [lagging.address, first.address, dying.address].join(',');
    const client = await bench.client(address, {
      idempotent: () => true,
      elsewhere: ({ code }) => code === 'RootBehind',
    });
    await until(() => client.addresses.length === 3);
    await client.waitForReady(2_000);
    const calls = async (): Promise<void> => {
      for (let i = 0; i < 100; i++) await client.call(bytes(1));
    };
    const all = Promise.all(Array.from({ length: 20 }, calls));
    await later(20);
    await dying.down();
    await all;
    // Once or a few times at the start; then it rests.
    expect(behind).toBeGreaterThan(0);
    expect(behind).toBeLessThan(500);
    const alone = await bench.client(lagging.address, { idempotent: () => true, elsewhere: () => true });
    expect(await codeOf(alone.call(bytes(1)))).toBe('RootBehind');
  });

  test('an address that is not admitted gets no call, and is asked again', async () => {
    let admitted = false;
    let asked = 0;
    let handled = 0;
    const { address } = await bench.pipeline({
      handle: (operation) => {
        handled++;
        return random(operation);
      },
    });
    const client = await bench.client(address, {
      admit: () => {
        asked++;
        return admitted ? Promise.resolve() : Promise.reject(new Error('not yet'));
      },
    });
    expect(await codeOf(client.call(bytes(1), { timeoutMs: 200 }))).toBe('DeadlineExceeded');
    expect({ ready: client.ready, handled }).toEqual({ ready: false, handled: 0 });
    admitted = true;
    await client.waitForReady(2_000);
    await client.call(bytes(1));
    expect(asked).toBeGreaterThanOrEqual(2);
  });

  test('an address whose admission could not be asked for takes the calls that wait as soon as it can', async () => {
    const { address } = await bench.pipeline({ handle: random });
    const reachable = Date.now() + 200;
    const client = await bench.client(address, {
      admit: () =>
        Date.now() > reachable ? Promise.resolve() : Promise.reject(new KeysteadError('Unavailable', 'not reached')),
      patienceMs: 950,
    });
    await client.call(bytes(1));
  });

  test('closing the client fails what is in flight', async () => {
    const { address } = await bench.pipeline({ handle: (operation) => later(1_000).then(() => random(operation)) });
    const client = await bench.client(address);
    await client.waitForReady(2_000);
    const call = codeOf(client.call(bytes(1)));
    client.close();
    expect(await call).toBe('Unavailable');
    expect(await codeOf(client.call(bytes(1)))).toBe('Unavailable');
  });

  test('a peer that may not use the service gets nothing', async () => {
    let handled = 0;
    const { address } = await bench.pipeline({
      allow: (peer) => peer.kind === 'service' && peer.name === 'kms-service',
      handle: (operation) => {
        handled++;
        return random(operation);
      },
    });
    const client = await bench.client(address, {}, { as: 'object-store-gateway' });
    expect(await codeOf(client.call(bytes(1)))).toBe('Unavailable');
    expect(handled).toBe(0);
  });
});

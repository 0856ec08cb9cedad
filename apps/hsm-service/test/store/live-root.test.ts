import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { readdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { DomainKeys, makeDomainKey } from '../../src/domain/domain-keys.js';
import { addRecipient, removeRecipient } from '../../src/domain/governance.js';
import { keyFileRecipient, shamirRecipient, unwrapBy, wrapFor, type Unlock } from '../../src/domain/recipients.js';
import { newSlot } from '../../src/domain/root-draft.js';
import { RootError } from '../../src/domain/root-error.js';
import { openRoot, parseRoot, sealRoot } from '../../src/domain/root-file.js';
import { stateOf } from '../../src/domain/root-state.js';
import { LiveRoot } from '../../src/store/live-root.js';
import { saveRoot } from '../../src/store/root-store.js';
import { bitFlips } from '../vectors.js';

const base = mkdtempSync(join(tmpdir(), 'keystead-live-root-'));
afterAll(() => rmSync(base, { recursive: true }));
const now = (): Date => new Date(1_795_363_200_000);
const problem = (name: string): Error => expect.objectContaining({ name: 'RootError', problem: name }) as Error;
const fileKey = Buffer.alloc(32, 9);
const byFile = (): Unlock => ({ kind: 'KEYFILE', secret: Buffer.from(fileKey) });
const shamirSecret = Buffer.alloc(32, 8);
const set = Buffer.alloc(16, 7);
const byShares = (): Unlock => ({ kind: 'SHAMIR', secret: Buffer.from(shamirSecret) });
const pathOf = (directory: string, generation: number): string =>
  join(directory, `root-${String(generation).padStart(12, '0')}.kst`);

interface Place {
  readonly directory: string;
  readonly keys: DomainKeys;
  readonly root: LiveRoot;
  wiped: number;
}

let count = 0;
function place(directory = join(base, String(count++))): Place {
  const keys = new DomainKeys();
  const made: Place = { directory, keys, wiped: 0, root: undefined as never };
  return Object.assign(made, {
    root: new LiveRoot({ directory, keys, now, makeKey: makeDomainKey, wipe: () => void (made.wiped += 1) }),
  });
}

async function created(): Promise<Place> {
  const made = place();
  await made.root.create('file', keyFileRecipient(fileKey));
  return made;
}

const addShares = ({ root }: Place) =>
  root.change((draft) => addRecipient(draft, newSlot('board', shamirRecipient(shamirSecret, set, 2, 3), 1n)));

/** Everything that a root can hold. */
async function full(): Promise<Place> {
  const made = await created();
  await addShares(made);
  await made.root.change((draft) => ({
    ...draft,
    state: {
      ...draft.state,
      operators: [{ name: 'ann', role: 'officer', publicKey: Buffer.alloc(32, 3) }],
      rules: [{ command: '*', role: 'officer', count: 1 }],
      nonces: [{ nonce: Buffer.alloc(16, 4), expiresMs: 5n }],
    },
  }));
  return made;
}

test('a change is on the disk before anything works with it, and keeps everything', async () => {
  const { directory } = await full();
  for (const unlock of [byFile(), byShares()]) {
    const again = place(directory);
    await again.root.unseal(unlock);
    expect(again.keys.activeEpoch).toBe(1);
    again.root.read((state, slots) => {
      expect(slots.map(({ record, recipient }) => [record.name, recipient.kind, record.kek.length])).toEqual([
        ['file', 'KEYFILE', 32],
        ['board', 'SHAMIR', 32],
      ]);
      expect(state).toMatchObject({ operators: [{ name: 'ann' }], rules: [{ count: 1 }], nonces: [{ expiresMs: 5n }] });
    });
  }
});

test('what an edit refuses changes nothing', async () => {
  const made = await created();
  const refusal = made.root.change(() => {
    throw new RangeError('no');
  });
  await expect(refusal).rejects.toThrow('no');
  expect(await readdir(made.directory)).toEqual(['root-000000000001.kst']);
  await addShares(made);
  expect(made.root.file?.header.generation).toBe(2n);
});

test('sealed while a change is under way: nothing is written, least of all under a secret of zeros', async () => {
  const made = await created();
  const change = made.root.change(async (draft) => {
    await Promise.resolve();
    made.root.seal();
    return draft;
  });
  await expect(change).rejects.toMatchObject({ code: 'Sealed' });
  expect(await readdir(made.directory)).toEqual(['root-000000000001.kst']);
  expect([made.root.condition, made.keys.sealed, made.wiped]).toEqual(['SEALED', true, 1]);
  await made.root.unseal(byFile());
  expect(made.keys.activeEpoch).toBe(1);
});

test('changes at once are made one after another', async () => {
  const made = await created();
  const names = ['a', 'b', 'c'];
  const one = (name: string) =>
    made.root.change((draft) => addRecipient(draft, newSlot(name, keyFileRecipient(randomBytes(32)), 1n)));
  await Promise.all(names.map(one));
  expect(made.root.file?.header.generation).toBe(4n);
  expect(made.root.read((_, slots) => slots.map(({ record }) => record.name))).toEqual(['file', ...names]);
});

test('the secret is fresh after a change of recipients, and a removed one opens nothing that is left', async () => {
  const made = await created();
  const first = await readFile(pathOf(made.directory, 1));
  const before = await unwrapBy(byFile(), parseRoot(first).header.recipients);
  await addShares(made);
  const { rws } = await unwrapBy(byFile(), made.root.file?.header.recipients ?? []);
  expect(rws).not.toEqual(before.rws);
  await made.root.change((draft) => draft);
  expect((await unwrapBy(byFile(), made.root.file?.header.recipients ?? [])).rws).toEqual(rws);
  await made.root.change((draft) => removeRecipient(draft, 'file'));
  const left = await readdir(made.directory);
  expect(left).toEqual(['root-000000000004.kst']);
  for (const name of left) {
    const { header } = parseRoot(await readFile(join(made.directory, name)));
    await expect(unwrapBy(byFile(), header.recipients)).rejects.toThrow(problem('unsupported'));
  }
});

test('torn at any byte, the generation before opens by every recipient, and the next change goes on', async () => {
  const made = await full();
  const path = pathOf(made.directory, 3);
  const whole = await readFile(path);
  for (let size = whole.length - 1; size >= 0; size--) {
    await truncate(path, size);
    const again = place(made.directory);
    await again.root.unseal(size % 2 === 0 ? byFile() : byShares());
    expect([again.root.file?.header.generation, again.root.damaged]).toEqual([2n, [3n]]);
  }
  const again = place(made.directory);
  await again.root.unseal(byShares());
  await again.root.change((draft) => draft);
  expect([again.root.file?.header.generation, again.root.damaged]).toEqual([4n, []]);
  const after = place(made.directory);
  await after.root.unseal(byFile());
  expect(after.root.file?.header.generation).toBe(4n);
});

test('every changed bit of a full root is refused, also when the checksum was made to fit', async () => {
  const made = await full();
  const file = await readFile(pathOf(made.directory, 3));
  const accepted: unknown[] = [];
  for (const changed of bitFlips(file.subarray(0, -32))) {
    const forged = Buffer.concat([changed, createHash('sha256').update(changed).digest()]);
    for (const unlock of [byFile(), byShares()]) {
      try {
        const parsed = parseRoot(forged);
        accepted.push(openRoot(parsed, (await unwrapBy(unlock, parsed.header.recipients)).rws));
      } catch (error) {
        if (!(error instanceof RootError)) throw error;
      }
    }
  }
  expect(accepted).toEqual([]);
});

test('a root of the first version, without records of its recipients, takes a second one', async () => {
  const { directory } = place();
  const rws = randomBytes(32);
  const header = {
    ...{ domain: Buffer.alloc(16, 3), generation: 1n, writtenMs: 0n, previousHash: Buffer.alloc(32) },
    recipients: [wrapFor(keyFileRecipient(fileKey), rws)],
  };
  const state = stateOf([{ epoch: 1, state: 'ACTIVE', createdMs: 0n, key: Buffer.alloc(32, 1) }]);
  await saveRoot(directory, sealRoot(header, rws, state, randomBytes(24)));
  const old = place(directory);
  await old.root.unseal(byFile());
  await addShares(old);
  for (const unlock of [byFile(), byShares()]) {
    const again = place(directory);
    await again.root.unseal(unlock);
    expect(again.root.read((_, slots) => slots.map(({ record }) => record.name))).toEqual(['keyfile-1', 'board']);
  }
});

test('a generation that was here and is gone, or is an older one again, is noticed when the root is opened', async () => {
  const made = await full();
  const second = await readFile(pathOf(made.directory, 2));
  made.root.seal();
  for (const name of await readdir(made.directory)) rmSync(join(made.directory, name));
  await expect(made.root.unseal(byFile())).rejects.toThrow(problem('tampered'));
  await writeFile(pathOf(made.directory, 2), second);
  await expect(made.root.unseal(byFile())).rejects.toThrow(problem('tampered'));
  expect(made.keys.sealed).toBe(true);
});

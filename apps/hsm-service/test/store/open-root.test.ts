import { mkdtempSync, rmSync } from 'node:fs';
import { readdir, readFile, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { DomainKeys, makeDomainKey } from '../../src/domain/domain-keys.js';
import { parseRoot, sealRoot, openRoot, type SealedRoot } from '../../src/domain/root-file.js';
import { unwrapBy } from '../../src/domain/recipients.js';
import { LiveRoot } from '../../src/store/live-root.js';
import { openOrCreateRoot } from '../../src/store/open-root.js';
import { KEPT_GENERATIONS, saveRoot } from '../../src/store/root-store.js';
import { readUnlock, type UnlockFile } from '../../src/store/unlock.js';

const now = new Date(1_795_363_200_000);
const base = mkdtempSync(join(tmpdir(), 'keystead-root-'));
afterAll(() => rmSync(base, { recursive: true }));
const problem = (name: string): Error => expect.objectContaining({ name: 'RootError', problem: name }) as Error;

interface OpenedRoot {
  readonly file: SealedRoot;
  readonly keys: DomainKeys;
  readonly created: boolean;
  readonly damaged: readonly bigint[];
}

async function openIn(directory: string, unlock: UnlockFile): Promise<OpenedRoot> {
  const keys = new DomainKeys();
  const root = new LiveRoot({ directory, keys, now: () => now, wipe: () => undefined, makeKey: makeDomainKey });
  const created = await openOrCreateRoot(root, unlock);
  return { file: root.file as SealedRoot, keys, created, damaged: root.damaged };
}

let count = 0;
function place(): { directory: string; keyFile: string; open: () => Promise<OpenedRoot> } {
  const folder = join(base, String(count++));
  const [directory, keyFile] = [join(folder, 'root'), join(folder, 'root.key')];
  return { directory, keyFile, open: () => openIn(directory, { kind: 'KEYFILE', path: keyFile }) };
}

async function nextGeneration(directory: string, keyFile: string, after: SealedRoot): Promise<SealedRoot> {
  const { rws } = await unwrapBy(await readUnlock({ kind: 'KEYFILE', path: keyFile }), after.header.recipients);
  const header = { ...after.header, generation: after.header.generation + 1n, previousHash: after.hash };
  return saveRoot(directory, sealRoot(header, rws, openRoot(after, rws), Buffer.alloc(24, 1)));
}

const fileOf = (directory: string, generation: bigint): string =>
  join(directory, `root-${String(generation).padStart(12, '0')}.kst`);

test('the first start makes a root and a key file that only the owner can read; the second opens them', async () => {
  const { directory, keyFile, open } = place();
  const first = await open();
  expect(first).toMatchObject({ created: true, damaged: [] });
  expect(first.keys.activeEpoch).toBe(1);
  for (const path of [keyFile, fileOf(directory, 1n)]) expect((await stat(path)).mode & 0o777).toBe(0o600);
  const before = await readFile(fileOf(directory, 1n));
  const second = await open();
  expect(second).toMatchObject({ created: false });
  expect(second.file.hash).toEqual(first.file.hash);
  expect(await readFile(fileOf(directory, 1n))).toEqual(before);
  expect(await readdir(directory)).toEqual(['root-000000000001.kst']);
});

test('a passphrase opens its own root only', async () => {
  const { directory } = place();
  const path = join(base, 'passphrase');
  const open = async (text: string): Promise<OpenedRoot> => {
    await writeFile(path, text);
    return openIn(directory, { kind: 'PASSPHRASE', path });
  };
  await expect(open('\n')).rejects.toThrow('Passphrase file');
  await open('correct horse\n');
  await expect(open('correct horse')).resolves.toMatchObject({ created: false });
  await expect(open('Correct horse')).rejects.toThrow(problem('wrong-secret'));
});

test('a lost or changed key file never makes a new root', async () => {
  const { directory, keyFile, open } = place();
  await open();
  const root = await readFile(fileOf(directory, 1n));
  for (const [bytes, length] of [[Buffer.alloc(32, 1), 32] as const, [Buffer.alloc(31), 31] as const]) {
    await writeFile(keyFile, bytes);
    await expect(open()).rejects.toThrow(length === 32 ? 'The key file is not the one' : 'exactly 32 bytes');
  }
  rmSync(keyFile);
  await expect(open()).rejects.toThrow('is missing');
  expect(await readFile(fileOf(directory, 1n))).toEqual(root);
  await expect(stat(keyFile)).rejects.toThrow('ENOENT');
});

test('two first starts at once agree on one root', async () => {
  const { directory, open } = place();
  const outcomes = await Promise.allSettled([open(), open(), open()]);
  const opened = outcomes.flatMap((o) => (o.status === 'fulfilled' ? [o.value.file.hash.toString('hex')] : []));
  expect(new Set(opened).size).toBe(1);
  expect((await open()).file.hash.toString('hex')).toBe(opened[0]);
  expect(await readdir(directory)).toEqual(['root-000000000001.kst']);
});

test('three generations are kept, each naming the one before', async () => {
  const { directory, keyFile, open } = place();
  let root = (await open()).file;
  for (let n = 2; n <= 5; n++) root = await nextGeneration(directory, keyFile, root);
  expect(await readdir(directory)).toHaveLength(KEPT_GENERATIONS);
  expect((await open()).file.header.generation).toBe(5n);
});

test('a file torn at any byte falls back to the generation before', async () => {
  const { directory, keyFile, open } = place();
  const first = (await open()).file;
  await nextGeneration(directory, keyFile, first);
  const path = fileOf(directory, 2n);
  for (let size = (await stat(path)).size - 1; size >= 0; size--) {
    await truncate(path, size);
    const opened = await open();
    expect(opened.file.hash).toEqual(first.hash);
    expect(opened.damaged).toEqual([2n]);
  }
});

test('nothing is made when every generation is damaged', async () => {
  const { directory, open } = place();
  await open();
  await truncate(fileOf(directory, 1n), 100);
  await expect(open()).rejects.toThrow(problem('damaged'));
  expect((await stat(fileOf(directory, 1n))).size).toBe(100);
});

test('a generation that does not follow on the one before is refused, and so is a renamed file', async () => {
  const { directory, keyFile, open } = place();
  const first = (await open()).file;
  await nextGeneration(directory, keyFile, { ...first, hash: Buffer.alloc(32) });
  await expect(open()).rejects.toThrow('does not follow on');
  await writeFile(fileOf(directory, 7n), await readFile(fileOf(directory, 1n)));
  await expect(open()).rejects.toThrow('holds 1');
});

test('a generation is written once', async () => {
  const { directory, open } = place();
  await open();
  const bytes = await readFile(fileOf(directory, 1n));
  await expect(saveRoot(directory, bytes)).rejects.toThrow('exists already');
  expect(parseRoot(bytes).header.generation).toBe(1n);
});

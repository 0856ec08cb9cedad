import { expect, test } from 'vitest';
import type { FileName } from '../../src/domain/root-state.js';
import { RootWitness } from '../../src/domain/root-witness.js';

const file = (generation: number, fill = generation): FileName => ({
  generation: BigInt(generation),
  hash: Buffer.alloc(32, fill),
});
const ours = [file(7), file(6), file(5)];
const coded = (code: string): Error => expect.objectContaining({ code }) as Error;

test('before kms-service has asked nothing is known; then it is told by the file that it keeps', () => {
  const witness = new RootWitness(true);
  expect(() => witness.mustBeNewest()).toThrow(coded('Unavailable'));
  for (const [known, standing] of [
    [undefined, 'NEWEST'],
    [file(7), 'NEWEST'],
    [file(5), 'NEWEST'],
    [file(8), 'SET_BACK'],
    [file(7, 99), 'SET_BACK'],
    [file(4), 'SET_BACK'],
  ] as const) {
    witness.heard(known, ours);
    expect(witness.standing).toBe(standing);
    if (standing === 'NEWEST') witness.mustBeNewest();
    else expect(() => witness.mustBeNewest()).toThrow(coded('Conflict'));
  }
});

test('whoever waits hears it at once, or after a while that nothing was said', async () => {
  const witness = new RootWitness(true);
  await expect(witness.newest(10)).rejects.toThrow(coded('Unavailable'));
  const waiting = [witness.newest(60_000), witness.newest(60_000)];
  witness.heard(file(6), ours);
  await Promise.all(waiting);
  witness.heard(file(9), ours);
  await expect(witness.newest(60_000)).rejects.toThrow(coded('Conflict'));
});

test('without a kms-service nobody is asked', async () => {
  const witness = new RootWitness(false);
  witness.heard(file(9), ours);
  await witness.newest();
  expect(witness.standing).toBe('UNWATCHED');
});

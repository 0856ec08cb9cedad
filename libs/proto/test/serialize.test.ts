import { expect, test } from 'vitest';
import { GenerateRandomResponse, HsmServiceService, PipelineResponse } from '../src/hsm.js';
import { cut } from '../src/serialize.js';

const frame = (...sizes: number[]) => {
  const outcome = (bytes: number) => ({
    $case: 'generateRandom' as const,
    value: GenerateRandomResponse.create({ plaintext: new Uint8Array(bytes).fill(bytes) }),
  });
  return { results: sizes.map((bytes, id) => ({ id, outcome: outcome(bytes) })), drain: true };
};

test.each([
  { sizes: [], most: 10, parts: 1 },
  { sizes: [0, 1, 2], most: 1_000, parts: 1 },
  { sizes: [100, 100, 100, 100], most: 250, parts: 2 },
  { sizes: [300, 1, 1, 300, 1], most: 100, parts: 4 },
])('a message of $sizes bytes in parts of $most is the same message', ({ sizes, most, parts }) => {
  const bytes = HsmServiceService.pipeline.responseSerialize(frame(...sizes));
  const pieces = cut(bytes, most);
  expect(pieces).toHaveLength(parts);
  expect(Buffer.concat(pieces)).toEqual(bytes);
  const read = pieces.map((piece) => PipelineResponse.decode(piece));
  expect(read.flatMap(({ results }) => results).map(({ id }) => id)).toEqual(sizes.map((_, id) => id));
  expect(read.at(-1)?.drain).toBe(true);
});

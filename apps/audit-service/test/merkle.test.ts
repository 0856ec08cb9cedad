import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { append, decodeFrontier, emptyFrontier, encodeFrontier, leafHash, rootOf } from '../src/domain/merkle.js';

const sha256 = (...parts: Uint8Array[]): Buffer => createHash('sha256').update(Buffer.concat(parts)).digest();
const hash = (data: Uint8Array): Buffer => leafHash(Buffer.concat([Buffer.of(0), data]));

/** RFC 6962 §2.1, word by word: k is the largest power of two smaller than n. */
function naiveRoot(leaves: readonly Uint8Array[]): Buffer {
  const [only] = leaves;
  if (!only) return sha256();
  if (leaves.length === 1) return sha256(Buffer.of(0), only);
  let k = 1;
  while (k * 2 < leaves.length) k *= 2;
  return sha256(Buffer.of(1), naiveRoot(leaves.slice(0, k)), naiveRoot(leaves.slice(k)));
}

// The leaves and roots with which Certificate Transparency's implementations test each other
// (merkletree's reference test data: sizes 1 to 8).
const leaves = ['', '00', '10', '2021', '3031', '40414243', '5051525354555657', '606162636465666768696a6b6c6d6e6f'].map(
  (hex) => Buffer.from(hex, 'hex'),
);
const roots = [
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
];

describe('the tree of RFC 6962', () => {
  test('the empty tree has the hash of nothing as its root', () => {
    expect(rootOf(emptyFrontier)).toEqual(sha256());
  });

  test.each(roots.map((root, n) => [n + 1, root] as const))('%i leaves of the reference data', (size, root) => {
    expect(rootOf(append(emptyFrontier, leaves.slice(0, size).map(hash))).toString('hex')).toBe(root);
  });

  test('appending in batches of any size gives the root of the definition', () => {
    const batches = fc.array(fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 9 }), { maxLength: 12 });
    fc.assert(
      fc.property(batches, (parts) => {
        let tree = emptyFrontier;
        for (const part of parts) tree = append(tree, part.map(hash));
        const all = parts.flat();
        expect(tree.size).toBe(all.length);
        expect(rootOf(tree)).toEqual(naiveRoot(all));
        expect(rootOf(decodeFrontier(tree.size, encodeFrontier(tree)))).toEqual(naiveRoot(all));
      }),
    );
  });

  test('a frontier that does not fit its size is refused', () => {
    expect(() => decodeFrontier(3, Buffer.alloc(32))).toThrow(RangeError);
    expect(() => decodeFrontier(1, Buffer.alloc(31))).toThrow(RangeError);
  });
});

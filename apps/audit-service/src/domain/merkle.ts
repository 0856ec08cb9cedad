import { hash } from 'node:crypto';

/** Bytes of a SHA-256. */
export const hashBytes = 32;

/** The root of the empty tree (RFC 6962 §2.1): SHA-256 of nothing. */
export const emptyRoot: Buffer = hash('sha256', '', 'buffer');

/** RFC 6962 §2.1: SHA-256(00 || data). `prefixed` is the data with that zero byte in front, so that nothing is copied. */
export function leafHash(prefixed: Uint8Array): Buffer {
  if (prefixed[0] !== 0) throw new RangeError('a leaf is hashed with a zero byte in front');
  return hash('sha256', prefixed, 'buffer');
}

const pair = Buffer.alloc(1 + 2 * hashBytes, 1);

/** RFC 6962 §2.1: SHA-256(01 || left || right). */
export function nodeHash(left: Uint8Array, right: Uint8Array): Buffer {
  pair.set(left, 1);
  pair.set(right, 1 + hashBytes);
  return hash('sha256', pair, 'buffer');
}

/**
 * What is needed to append to a tree: the roots of its perfect subtrees, one for each binary digit 1 of its size,
 * largest first. Never changed in place.
 */
export interface Frontier {
  readonly size: number;
  readonly roots: readonly Buffer[];
}

export const emptyFrontier: Frontier = { size: 0, roots: [] };

/** The frontier after these leaf hashes; at most two hashes for each leaf. */
export function append(frontier: Frontier, leaves: Iterable<Buffer>): Frontier {
  const roots = [...frontier.roots];
  let { size } = frontier;
  for (const leaf of leaves) {
    roots.push(leaf);
    size += 1;
    // As many merges as the new size has trailing zero digits.
    for (let digit = size; digit % 2 === 0; digit /= 2) {
      const right = roots.pop();
      const left = roots.pop();
      if (!left || !right) throw new RangeError('the frontier does not fit its size');
      roots.push(nodeHash(left, right));
    }
  }
  return { size, roots };
}

/** The root of the tree (RFC 6962 §2.1): the subtrees hashed together from the right. */
export function rootOf({ roots }: Frontier): Buffer {
  if (roots.length === 0) return emptyRoot;
  return roots.reduceRight((right, left) => nodeHash(left, right));
}

/** The roots in a row, as the database keeps them. */
export function encodeFrontier({ roots }: Frontier): Buffer {
  return Buffer.concat(roots);
}

/** Throws RangeError when the number of roots does not fit the size. */
export function decodeFrontier(size: number, bytes: Buffer): Frontier {
  const roots: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += hashBytes) roots.push(Buffer.from(bytes.subarray(at, at + hashBytes)));
  if (bytes.length % hashBytes !== 0 || roots.length !== ones(size)) {
    throw new RangeError(`${String(bytes.length)} bytes cannot be the frontier of ${String(size)} leaves`);
  }
  return { size, roots };
}

function ones(size: number): number {
  return size.toString(2).replaceAll('0', '').length;
}

import { readLeaf } from './leaf.js';
import { append, emptyFrontier, type Frontier, leafHash, rootOf } from './merkle.js';

/** What is checked of a leaf. */
export interface LeafRow {
  readonly index: number;
  readonly body: Buffer;
  readonly leaf: Buffer;
  readonly eventId: string;
}

/** The head that the leaves must lead to. */
export interface TreeHead {
  readonly size: number;
  readonly root: Buffer;
}

export interface Verdict {
  /** Leaves read. */
  readonly size: number;
  /** Recomputed. */
  readonly root: Buffer;
  /** In words; empty when all is well. Only the first hundred are kept. */
  readonly findings: string[];
}

const maxFindings = 100;

/** Recomputes the tree from the bytes of its leaves, which must come in ascending order and reach `head.size`. */
export async function verify(head: TreeHead, chunks: AsyncIterable<readonly LeafRow[]>): Promise<Verdict> {
  const check = new Check();
  for await (const chunk of chunks) check.add(chunk);
  return check.finish(head);
}

class Check {
  #tree: Frontier = emptyFrontier;
  #expected = 0;
  #time = '';
  readonly #findings: string[] = [];

  add(rows: readonly LeafRow[]): void {
    this.#tree = append(this.#tree, rows.map((row) => this.#leaf(row))); // prettier-ignore
  }

  finish(head: TreeHead): Verdict {
    const root = rootOf(this.#tree);
    if (this.#tree.size !== head.size)
      this.#found(`the tree says ${String(head.size)} leaves, there are ${String(this.#tree.size)}`);
    if (!root.equals(head.root))
      this.#found(`the root is ${head.root.toString('hex')}, the leaves give ${root.toString('hex')}`);
    return { size: this.#tree.size, root, findings: this.#findings };
  }

  #leaf({ index, body, leaf, eventId }: LeafRow): Buffer {
    const place = `leaf ${String(index)}`;
    if (index !== this.#expected) this.#found(`${place} follows leaf ${String(this.#expected - 1)}`);
    this.#expected = index + 1;
    const hash = leafHash(Buffer.concat([Buffer.of(0), body]));
    if (!hash.equals(leaf)) this.#found(`${place}: its hash is not the stored one`);
    this.#content(place, index, body, eventId);
    return hash;
  }

  #content(place: string, index: number, body: Buffer, eventId: string): void {
    try {
      const { index: seq, time, record } = readLeaf(body);
      if (seq !== index) this.#found(`${place} says that it is leaf ${String(seq)}`);
      if (time < this.#time) this.#found(`${place} is older than the leaf before it`);
      this.#time = time;
      if ((JSON.parse(record) as { eventID?: string }).eventID !== eventId)
        this.#found(`${place} holds another event than its row says`);
    } catch {
      this.#found(`${place} cannot be read`);
    }
  }

  #found(finding: string): void {
    if (this.#findings.length < maxFindings) this.#findings.push(finding);
  }
}

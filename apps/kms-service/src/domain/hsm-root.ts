import { whyNotSuperseded, type GivenUp, type Governance, type Supersession } from './supersession.js';

/** One generation of a root file. */
export interface RootGeneration {
  readonly generation: bigint;
  /** SHA-256 of the file. */
  readonly hash: Uint8Array;
  readonly previousHash: Uint8Array;
}

/** The root that kms-service keeps. */
export interface KnownRoot extends GivenUp {
  /** Who decides about it; undefined until it was told. */
  readonly governance?: Governance | undefined;
}

/** The root of one replica of hsm-service. */
export interface SeenRoot {
  /** Empty where there is no root. */
  readonly domain: Uint8Array;
  /** Newest first: the newest and what is still kept before it. */
  readonly generations: readonly RootGeneration[];
  readonly writer: boolean;
  /** What its operators gave up for this root. */
  readonly superseded: Pick<RootGeneration, 'generation' | 'hash'> | undefined;
  /** How they did. */
  readonly supersession: Supersession;
}

/** What to do about a replica: nothing, keep its newer root, hand it ours, or not use it, for a reason. */
export type Verdict =
  { readonly kind: 'same' | 'take' | 'put' | 'none' } | { readonly kind: 'refuse'; readonly reason: string };

/**
 * Compares the root of a replica with the one that is kept. A newer one must follow on ours; an older one is what a
 * replica has that was away, and on the writer, which makes all of them, a rollback.
 */
export function compareRoot(known: KnownRoot | undefined, seen: SeenRoot): Verdict {
  const newest = seen.generations[0];
  if (!known) return { kind: newest ? 'take' : 'none' };
  if (!newest) return seen.writer ? refuse(known, 'has no root') : { kind: 'put' };
  if (!same(seen.domain, known.domain)) return refuse(known, `has the root of another domain (${hex(seen.domain)})`);
  const { superseded } = seen;
  if (superseded?.generation === known.generation && same(superseded.hash, known.hash)) {
    const why = known.governance && whyNotSuperseded(known, known.governance, seen.supersession);
    return why === undefined ? { kind: 'take' } : refuse(known, `has another one in its place, but ${why}`);
  }
  if (newest.generation > known.generation) {
    if (seen.generations.some((one) => followsOn(known, one))) return { kind: 'take' };
    return refuse(known, `has generation ${newest.generation}, which does not follow on it`);
  }
  if (newest.generation < known.generation)
    return seen.writer ? refuse(known, `was set back to generation ${newest.generation}`) : { kind: 'put' };
  return same(newest.hash, known.hash) ? { kind: 'same' } : refuse(known, 'has another file of this generation');
}

function followsOn(known: KnownRoot, { generation, hash, previousHash }: RootGeneration): boolean {
  if (generation === known.generation) return same(hash, known.hash);
  return generation === known.generation + 1n && same(previousHash, known.hash);
}

function refuse({ generation, domain }: KnownRoot, what: string): Verdict {
  const ours = `generation ${generation} of domain ${hex(domain)} is known`;
  return { kind: 'refuse', reason: `hsm-service ${what}, and ${ours}: it is not used.` };
}

const same = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

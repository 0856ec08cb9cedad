import { KeysteadError } from '@keystead/errors';
import type { DomainKey } from './domain-keys.js';
import type { RootState } from './root-state.js';

const DAY_MS = 86_400_000n;
/** Import tokens are wrapped like every other, live for a day, and are known to nobody but their owners. */
const IMPORT_TOKENS_MS = 25n * 3_600_000n;

/** When domain keys are changed. */
export interface RotationPolicy {
  /** How long a domain key is the active one, in ms; 0 for ever. */
  readonly periodMs: number;
  /** How many days a former domain key is kept once no token needs it; 0 for ever. */
  readonly retentionDays: number;
}

/** What kms-service said of the tokens of an epoch. */
export interface EpochReport {
  readonly epoch: number;
  readonly tokens: bigint;
  /** No token of the epoch is stored any more. */
  readonly closed: boolean;
}

/** The root with one more domain key, which waits: tokens of its epoch must be readable everywhere before there is one. */
export function withNext(state: RootState, next: DomainKey): RootState {
  if (waiting(state)) throw conflict('A new domain key waits already: kms-service and all replicas must get it first.');
  return { ...state, domainKeys: [...state.domainKeys, { ...next, state: 'NEXT' }] };
}

/** The epoch of a domain key that waits. */
export function waiting(state: RootState): number | undefined {
  return state.domainKeys.find((key) => key.state === 'NEXT')?.epoch;
}

/** The root without the domain key that waits: nothing was ever made under it. */
export function withoutWaiting(state: RootState): RootState {
  return { ...state, domainKeys: state.domainKeys.filter((key) => key.state !== 'NEXT') };
}

/** The root with the waiting domain key in use. Throws Conflict if none waits. */
export function activated(state: RootState): RootState {
  if (!waiting(state)) throw conflict('No new domain key waits.');
  const after = { ACTIVE: 'DECRYPT', NEXT: 'ACTIVE', DECRYPT: 'DECRYPT', DESTROYED: 'DESTROYED' } as const;
  return { ...state, domainKeys: state.domainKeys.map((key) => ({ ...key, state: after[key.state] })) };
}

/** The first epoch that was never used. */
export function nextEpoch({ domainKeys }: RootState, known = 0): number {
  return Math.max(known, ...domainKeys.map(({ epoch }) => epoch)) + 1;
}

/** Whether the active domain key has served its time and no other waits. */
export function rotationDue(state: RootState, { periodMs }: RotationPolicy, now: Date): boolean {
  const active = state.domainKeys.find((key) => key.state === 'ACTIVE');
  if (periodMs === 0 || !active || waiting(state)) return false;
  return BigInt(now.getTime()) - active.createdMs >= BigInt(periodMs);
}

/**
 * The root without a former domain key. Throws NotFound for an epoch that is not there, and Conflict while anything may
 * still need it: destruction must be configured, the days and the life of import tokens must have passed since another
 * key took its place, and kms-service must have said that no token is left and none can come.
 */
export function destroyed(
  state: RootState,
  epoch: number,
  { retentionDays }: RotationPolicy,
  report: EpochReport | undefined,
  now: Date,
): RootState {
  const key = state.domainKeys.find((one) => one.epoch === epoch);
  if (!key) throw new KeysteadError('NotFound', `There is no domain key of epoch ${epoch}.`);
  if (key.state !== 'DECRYPT') throw conflict(`The domain key of epoch ${epoch} is ${key.state}.`);
  if (retentionDays === 0)
    throw conflict('Domain keys are kept for ever: KEYSTEAD_DOMAIN_KEY_RETENTION_DAYS is not set.');
  const left = keptUntil(state, epoch, retentionDays) - BigInt(now.getTime());
  if (left > 0n)
    throw conflict(`The domain key of epoch ${epoch} is kept for another ${left / 3_600_000n + 1n} hours.`);
  if (!report) throw conflict('kms-service has not counted the tokens lately.');
  if (report.tokens > 0n) throw conflict(`${report.tokens} tokens still need the domain key of epoch ${epoch}.`);
  if (!report.closed) throw conflict(`kms-service still takes in tokens of epoch ${epoch}.`);
  return {
    ...state,
    domainKeys: state.domainKeys.map((one) => (one === key ? destroyedKey(one) : one)),
  };
}

/** Former domain keys that may be destroyed now. */
export function destructible(
  state: RootState,
  policy: RotationPolicy,
  reports: ReadonlyMap<number, EpochReport>,
  now: Date,
): number[] {
  const former = state.domainKeys.filter((key) => key.state === 'DECRYPT');
  return former.flatMap(({ epoch }) => {
    try {
      destroyed(state, epoch, policy, reports.get(epoch), now);
      return [epoch];
    } catch {
      return [];
    }
  });
}

function destroyedKey({ epoch, createdMs }: DomainKey): DomainKey {
  return { epoch, createdMs, state: 'DESTROYED', key: Buffer.alloc(0) };
}

/** A key went out of use when the next one was made, or soon after. */
function keptUntil({ domainKeys }: RootState, epoch: number, retentionDays: number): bigint {
  const replacedMs = domainKeys.find((key) => key.epoch > epoch)?.createdMs ?? 0n;
  const retentionMs = BigInt(retentionDays) * DAY_MS;
  return replacedMs + (retentionMs > IMPORT_TOKENS_MS ? retentionMs : IMPORT_TOKENS_MS);
}

function conflict(message: string): KeysteadError {
  return new KeysteadError('Conflict', message);
}

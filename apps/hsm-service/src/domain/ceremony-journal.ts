import { createHash } from 'node:crypto';
import type { CeremonyNote } from './ceremonies.js';
import { RootError } from './root-error.js';

/** A ceremony as it stands in the journal. */
export interface NotedCeremony {
  /** From 1, one more each. */
  readonly sequence: number;
  /** A UUID; the event id in the audit log. */
  readonly eventId: string;
  /** Milliseconds since 1970 UTC. */
  readonly atMs: number;
  readonly event: string;
  readonly operator: string;
  readonly sourceIp: string;
  readonly signers: readonly string[];
  readonly parameters: Readonly<Record<string, string>>;
  readonly errorCode: string;
  readonly errorMessage: string;
  /** 32 hex digits; empty without a root. */
  readonly domain: string;
  /** Of the root afterwards; 0 without a root. */
  readonly generation: string;
  /** SHA-256 of the line before, in hex; zeros in the first. */
  readonly previous: string;
}

const FIRST = '00'.repeat(32);

/** The next line of the journal. */
export function chained(
  { event, operator, sourceIp, signers, parameters, error, file }: CeremonyNote,
  last: NotedCeremony | undefined,
  now: Date,
  eventId: string,
): { line: Buffer; noted: NotedCeremony } {
  const noted: NotedCeremony = {
    ...{
      sequence: (last?.sequence ?? 0) + 1,
      eventId,
      atMs: now.getTime(),
      event,
      operator,
      sourceIp,
      signers,
      parameters,
    },
    ...{ errorCode: error?.code ?? '', errorMessage: error?.message ?? '' },
    domain: file?.header.domain.toString('hex') ?? '',
    generation: String(file?.header.generation ?? 0),
    previous: last ? hashOf(last) : FIRST,
  };
  return { line: Buffer.from(`${JSON.stringify(noted)}\n`), noted };
}

/**
 * Reads a journal. A last line without its end was torn and never answered: `whole` are the bytes before it.
 * Throws RootError 'tampered' if a line was changed, taken out or put in.
 */
export function readChain(bytes: Buffer): { ceremonies: NotedCeremony[]; whole: Buffer | undefined } {
  const end = bytes.lastIndexOf(0x0a) + 1;
  const ceremonies: NotedCeremony[] = [];
  for (const line of bytes.subarray(0, end).toString('utf8').split('\n').slice(0, -1)) {
    const noted = parse(line);
    const last = ceremonies.at(-1);
    const follows = noted?.sequence === ceremonies.length + 1 && noted.previous === (last ? hashOf(last) : FIRST);
    if (!noted || !follows)
      throw new RootError('tampered', `Line ${ceremonies.length + 1} of the journal of ceremonies was changed.`);
    ceremonies.push(noted);
  }
  return { ceremonies, whole: end < bytes.length ? bytes.subarray(0, end) : undefined };
}

function parse(line: string): NotedCeremony | undefined {
  try {
    return JSON.parse(line) as NotedCeremony;
  } catch {
    return undefined;
  }
}

/** Members keep their order through JSON, so this is the hash of the line as written. */
function hashOf(noted: NotedCeremony): string {
  return createHash('sha256').update(JSON.stringify(noted)).digest('hex');
}

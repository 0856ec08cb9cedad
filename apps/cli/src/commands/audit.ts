import type { Command } from 'commander';
import {
  AuditAdminServiceClient,
  EventCategory,
  type Event,
  type SearchRequest,
  type SearchResponse,
  type VerifyRequest,
  type VerifyResponse,
} from '@keystead/proto/audit';
import { invoke } from '@keystead/service';
import { eventLine } from '../event-line.js';
import { Failure } from '../failure.js';
import { printable } from '../printable.js';
import { asOperator } from '../runtime.js';

interface SearchOptions {
  readonly data: string;
  readonly account?: string;
  readonly name?: string;
  readonly user?: string;
  readonly resource?: string;
  readonly source?: string;
  readonly category?: 'management' | 'data';
  readonly since?: string;
  readonly until?: string;
  readonly limit: number;
  readonly json: boolean;
}

const pageSize = 1_000;
const verifyTimeoutMs = 3_600_000;

/** keystead audit: the whole log, object calls too, for operators. */
export function auditCommand(program: Command): void {
  const audit = program.command('audit').description('search and check the log');
  audit
    .command('search')
    .description('show records of every category and account, newest first')
    .option('--data <dir>', 'the data folder of the running `up`', '.keystead')
    .option('--account <id>', '12 digits')
    .option('--name <event>', 'for example GetObject')
    .option('--user <name>', 'a user name')
    .option('--resource <arn>', 'a resource exactly as the record names it')
    .option('--source <source>', 'for example s3.amazonaws.com')
    .option('--category <kind>', 'management or data')
    .option('--since <time>', 'ISO 8601, for example 2026-11-22T10:00:00Z')
    .option('--until <time>', 'ISO 8601')
    .option('--limit <n>', 'records at most', Number, 100)
    .option('--json', 'the whole CloudTrail records, one a line', false)
    .action(async (options: SearchOptions) => {
      await withAdmin(options.data, async (client) => {
        for await (const event of search(client, options))
          process.stdout.write(`${printable(options.json ? event.cloudTrailEvent : eventLine(event))}\n`);
      });
    });
  audit
    .command('verify')
    .description("recompute the log's Merkle tree and report gaps")
    .option('--data <dir>', 'the data folder of the running `up`', '.keystead')
    .action(async (options: { data: string }) => {
      await withAdmin(options.data, async (client) => {
        const { size, root, consistent, findings } = await invoke<VerifyRequest, VerifyResponse>(
          (...call) => client.verify(...call),
          {},
          { timeoutMs: verifyTimeoutMs },
        );
        process.stdout.write(`${size} records, root ${Buffer.from(root).toString('hex')}\n`);
        if (!consistent) throw new Failure(`The log is damaged: ${findings.join('; ')}`);
        process.stdout.write('the tree is consistent and no record is missing\n');
      });
    });
}

async function withAdmin(data: string, work: (client: AuditAdminServiceClient) => Promise<void>): Promise<void> {
  const connection = await asOperator(data, 'audit-service');
  const client = new AuditAdminServiceClient(connection.address, connection.credentials, connection.options);
  try {
    await work(client);
  } finally {
    client.close();
    connection.close();
  }
}

async function* search(client: AuditAdminServiceClient, options: SearchOptions): AsyncGenerator<Event> {
  if (!(options.limit >= 1)) throw new Failure('--limit is a number from 1.');
  let left = options.limit;
  let nextToken: string | undefined;
  do {
    const request = {
      ...filters(options),
      maxResults: Math.min(left, pageSize),
      ...(nextToken === undefined ? {} : { nextToken }),
    };
    const page = await invoke<SearchRequest, SearchResponse>((...call) => client.search(...call), request);
    yield* page.events;
    left -= page.events.length;
    nextToken = page.nextToken;
  } while (nextToken !== undefined && left > 0);
}

function filters(options: SearchOptions): SearchRequest {
  const since = time(options.since);
  const until = time(options.until);
  return {
    account: options.account ?? '',
    eventName: options.name ?? '',
    username: options.user ?? '',
    resourceName: options.resource ?? '',
    eventSource: options.source ?? '',
    category: categoryOf(options.category),
    ...(since === undefined ? {} : { startTimeMs: since }),
    ...(until === undefined ? {} : { endTimeMs: until }),
  };
}

function categoryOf(kind: string | undefined): EventCategory {
  if (kind === undefined) return EventCategory.EVENT_CATEGORY_UNSPECIFIED;
  if (kind === 'management') return EventCategory.EVENT_CATEGORY_MANAGEMENT;
  if (kind === 'data') return EventCategory.EVENT_CATEGORY_DATA;
  throw new Failure('--category is management or data.');
}

function time(text: string | undefined): bigint | undefined {
  if (text === undefined) return undefined;
  const parsed = Date.parse(text);
  if (Number.isNaN(parsed)) throw new Failure(`"${text}" is not a time such as 2026-11-22T10:00:00Z.`);
  return BigInt(parsed);
}

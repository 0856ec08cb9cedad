import { cloudTrailDate, cloudTrailRecord } from '@keystead/audit';
import { asKeysteadError, KeysteadError } from '@keystead/errors';
import type { LookupEventsRequest, LookupEventsResponse } from '@keystead/proto/audit';
import type { CallContext } from '@keystead/proto/common';
import type { PipelineCall } from '@keystead/service';
import type { Principals } from '../clients/iam.js';
import { authorizeLookup } from '../domain/authorize.js';
import { type LookupPage, lookupEvents } from '../domain/lookup-events.js';
import type { Reader } from '../domain/page.js';
import { type Append, incoming } from './append.js';
import { eventMessage } from './event.js';

export interface LookupOptions {
  readonly reader: Reader;
  readonly principals: Principals;
  readonly append: Append;
  readonly region: string;
  readonly now: () => Date;
}

/** LookupEvents in the name of a caller that edge has authenticated. It is itself an event, also when it is refused. */
export async function lookup(
  options: LookupOptions,
  request: LookupEventsRequest,
  call: PipelineCall,
): Promise<LookupEventsResponse> {
  const context = believed(call);
  const at = options.now();
  const outcome = await perform(options, request, context, at);
  const error = outcome instanceof KeysteadError ? { error: outcome } : {};
  await options.append(incoming(recordOf(request, context, { at, region: options.region, ...error })));
  if (outcome instanceof KeysteadError) throw outcome;
  const { events, nextToken } = outcome;
  return { events: events.map(eventMessage), nextToken };
}

/** Only edge speaks for callers here, and never for a service that calls in their name. */
function believed({ context, peer }: PipelineCall): CallContext {
  if (peer.kind !== 'service' || peer.name !== 'edge' || !context?.principal || context.viaService !== '') {
    throw new KeysteadError('AccessDenied', 'This peer may not look events up.');
  }
  return context;
}

async function perform(
  { principals, reader, region }: LookupOptions,
  request: LookupEventsRequest,
  context: CallContext,
  now: Date,
): Promise<LookupPage | KeysteadError> {
  try {
    authorizeLookup(context, await principals.policiesOf(context), { now, region });
    return await lookupEvents(reader, context.principal?.account ?? '', request, now);
  } catch (error) {
    return asKeysteadError(error);
  }
}

function recordOf(
  request: LookupEventsRequest,
  context: CallContext,
  about: { at: Date; region: string; error?: KeysteadError },
) {
  const { lookupAttributes, startTimeMs, endTimeMs, maxResults, nextToken, eventCategory } = request;
  return cloudTrailRecord(context, {
    ...about,
    eventSource: 'cloudtrail.amazonaws.com',
    eventName: 'LookupEvents',
    readOnly: true,
    requestParameters: {
      lookupAttributes: lookupAttributes.length === 0 ? undefined : lookupAttributes.map((one) => ({ ...one })),
      startTime: dateText(startTimeMs),
      endTime: dateText(endTimeMs),
      maxResults,
      nextToken,
      eventCategory,
    },
  });
}

function dateText(ms: bigint | undefined): string | undefined {
  if (ms === undefined) return undefined;
  const date = new Date(Number(ms));
  // Beyond what a Date can hold; the call is recorded all the same.
  return Number.isNaN(date.getTime()) ? String(ms) : cloudTrailDate(date);
}

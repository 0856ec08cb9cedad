import { AuditAdminServiceClient, EventCategory, type SearchRequest, type SearchResponse } from '@keystead/proto/audit';
import type { ContextValue, ExplainRequest } from '@keystead/proto/kms';
import { invoke } from '@keystead/service';
import { Failure } from './failure.js';
import { asOperator } from './runtime.js';

/** What is read of a record (CloudTrail's names). */
export interface RecordedEvent {
  readonly requestID?: string;
  readonly eventTime: string;
  readonly eventName: string;
  readonly awsRegion: string;
  readonly errorCode?: string;
  readonly errorMessage?: string;
  readonly sourceIPAddress?: string;
  readonly userAgent?: string;
  readonly tlsDetails?: object;
  readonly userIdentity: { readonly type: string; readonly arn?: string; readonly invokedBy?: string };
  readonly requestParameters?: Readonly<Record<string, unknown>> | null;
}

/** A recorded refusal, and the question that it answers. */
export interface Denial {
  readonly event: RecordedEvent;
  readonly request: ExplainRequest;
}

const pageSize = 1_000;
const mostPages = 100;
const day = 86_400_000;

/** Finds the record of a refused KMS call by its request id, newest first. Throws Failure. */
export async function recordedDenial(data: string, requestId: string, since: string | undefined): Promise<Denial> {
  const from = since === undefined ? Date.now() - day : Date.parse(since);
  if (Number.isNaN(from)) throw new Failure(`"${since ?? ''}" is not a time such as 2026-11-22T10:00:00Z.`);
  const event = await find(data, requestId, from);
  if (!event)
    throw new Failure(`No record of KMS has the request id ${requestId} since ${new Date(from).toISOString()}.`);
  return { event, request: questionOf(event) };
}

async function find(data: string, requestId: string, from: number): Promise<RecordedEvent | undefined> {
  const connection = await asOperator(data, 'audit-service');
  const client = new AuditAdminServiceClient(connection.address, connection.credentials, connection.options);
  const request: SearchRequest = {
    ...{ account: '', eventName: '', username: '', resourceName: '', eventSource: 'kms.amazonaws.com' },
    ...{ category: EventCategory.EVENT_CATEGORY_MANAGEMENT, startTimeMs: BigInt(from), maxResults: pageSize },
  };
  try {
    let nextToken: string | undefined;
    for (let pages = 0; pages < mostPages; pages++) {
      const page: SearchResponse = await invoke(client.search.bind(client), {
        ...request,
        ...(nextToken === undefined ? {} : { nextToken }),
      });
      for (const { cloudTrailEvent } of page.events) {
        if (!cloudTrailEvent.includes(requestId)) continue;
        const event = JSON.parse(cloudTrailEvent) as RecordedEvent;
        // The owner of a foreign key has a copy that does not tell who called.
        if (event.requestID === requestId && event.userIdentity.type !== 'AWSAccount') return event;
      }
      nextToken = page.nextToken;
      if (nextToken === undefined) return undefined;
    }
    throw new Failure(`Looked through ${pageSize * mostPages} records: narrow it down with --since.`);
  } finally {
    client.close();
    connection.close();
  }
}

/** The question behind a refusal: what AWS's sentence names, with the context that the record holds. Throws Failure. */
export function questionOf(event: RecordedEvent): ExplainRequest {
  const { errorCode = '', errorMessage = '', userIdentity } = event;
  if (!errorCode.startsWith('AccessDenied'))
    throw new Failure(
      `The call ${errorCode === '' ? 'was allowed' : `failed with ${errorCode}`}: there is no refusal to explain.`,
    );
  const [, action, resource] = /is not authorized to perform: (kms:\w+) on resource: (\S+)/.exec(errorMessage) ?? [];
  const { arn: principal } = userIdentity;
  if (action === undefined || resource === undefined || principal === undefined)
    throw new Failure(
      'The record does not hold enough to evaluate the call again: use --principal, --action and --resource.',
    );
  return { principal, action, resource, context: contextOf(event) };
}

/** Parameters that are condition keys. */
const parameterKeys: Readonly<Record<string, string>> = {
  encryptionAlgorithm: 'kms:EncryptionAlgorithm',
  signingAlgorithm: 'kms:SigningAlgorithm',
  messageType: 'kms:MessageType',
  macAlgorithm: 'kms:MacAlgorithm',
  keyAgreementAlgorithm: 'kms:KeyAgreementAlgorithm',
  keyPairSpec: 'kms:DataKeyPairSpec',
  rotationPeriodInDays: 'kms:RotationPeriodInDays',
  pendingWindowInDays: 'kms:ScheduleKeyDeletionPendingWindowInDays',
};

function contextOf({ requestParameters, userIdentity, ...event }: RecordedEvent): ContextValue[] {
  const parameters = requestParameters ?? {};
  const context: Record<string, string> = {
    'aws:CurrentTime': event.eventTime,
    'aws:SecureTransport': String(event.tlsDetails !== undefined),
  };
  const { invokedBy } = userIdentity;
  if (invokedBy === 's3.amazonaws.com') context['kms:ViaService'] = `s3.${event.awsRegion}.amazonaws.com`;
  else if (event.sourceIPAddress) context['aws:SourceIp'] = event.sourceIPAddress;
  if (event.userAgent) context['aws:UserAgent'] = event.userAgent;
  for (const [name, key] of Object.entries(parameterKeys)) {
    const value = parameters[name];
    if (typeof value === 'string' || typeof value === 'number') context[key] = String(value);
  }
  for (const [name, value] of Object.entries(parameters['encryptionContext'] ?? {}))
    if (typeof value === 'string') context[`kms:EncryptionContext:${name}`] = value;
  return Object.entries(context).map(([key, value]) => ({ key, values: [value] }));
}

import type { Event } from '@keystead/proto/audit';

interface Told {
  readonly errorCode?: string;
  readonly requestID?: string;
  readonly additionalEventData?: { readonly phase?: string };
}

/** One record on one line: when, who, what, how it ended, on what; of a refusal also the request id, for `keystead explain`. */
export function eventLine(event: Event): string {
  const record = JSON.parse(event.cloudTrailEvent) as Told;
  const resources = event.resources.map(({ name }) => name).join(' ');
  return [
    new Date(Number(event.eventTimeMs)).toISOString(),
    event.username || '-',
    event.eventSource.split('.', 1)[0],
    event.eventName,
    // An object call has two records. The first is written before its first byte: how it ends is not known yet.
    record.errorCode ?? record.additionalEventData?.phase ?? 'ok',
    resources,
    ...(record.errorCode !== undefined && record.requestID !== undefined ? [`request ${record.requestID}`] : []),
  ].join('  ');
}

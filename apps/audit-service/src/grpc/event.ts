import { type Event, EventCategory } from '@keystead/proto/audit';
import type { StoredEvent } from '../domain/event.js';

/** An event as it travels. */
export function eventMessage(event: StoredEvent): Event {
  return {
    eventId: event.eventId,
    eventName: event.eventName,
    readOnly: event.readOnly,
    accessKeyId: event.accessKeyId,
    eventTimeMs: BigInt(event.eventTimeMs),
    eventSource: event.eventSource,
    username: event.username,
    resources: event.resources.map(({ type, name }) => ({ type, name })),
    cloudTrailEvent: event.text,
    index: BigInt(event.index),
    category: event.category === 'D' ? EventCategory.EVENT_CATEGORY_DATA : EventCategory.EVENT_CATEGORY_MANAGEMENT,
  };
}

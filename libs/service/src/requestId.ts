import { randomUUID } from 'node:crypto';

/** A fresh request id, as AWS has them: a UUID. */
export const requestId = (): string => randomUUID();

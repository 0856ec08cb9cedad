import type { KeyLastUsageData } from '@keystead/proto/kms';
import { text } from '../json/read.js';
import { object, plain, seconds } from '../json/write.js';
import { kms } from './operation.js';

const use = object<KeyLastUsageData>({
  operation: plain,
  timestampMs: seconds,
  cloudTrailEventId: plain,
  kmsRequestId: plain,
});

export const getKeyLastUsage = kms(
  'getKeyLastUsage',
  { keyId: text },
  { keyId: plain, keyLastUsage: use, trackingStartDateMs: seconds, keyCreationDateMs: seconds },
);

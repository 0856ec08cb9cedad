import { integer, text } from '../json/read.js';
import { plain, seconds } from '../json/write.js';
import { kms } from './operation.js';

export const enableKey = kms('enableKey', { keyId: text });

export const disableKey = kms('disableKey', { keyId: text });

export const scheduleKeyDeletion = kms(
  'scheduleKeyDeletion',
  { keyId: text, pendingWindowInDays: integer },
  { keyId: plain, deletionDateMs: seconds, keyState: plain, pendingWindowInDays: plain },
);

export const cancelKeyDeletion = kms('cancelKeyDeletion', { keyId: text }, { keyId: plain });

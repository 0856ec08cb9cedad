import { flag, integer, text } from '../json/read.js';
import { each, plain } from '../json/write.js';
import { kms } from './operation.js';

export const putKeyPolicy = kms('putKeyPolicy', {
  keyId: text,
  policyName: text,
  policy: text,
  bypassPolicyLockoutSafetyCheck: flag,
});

export const getKeyPolicy = kms(
  'getKeyPolicy',
  { keyId: text, policyName: text },
  { policy: plain, policyName: plain },
);

export const listKeyPolicies = kms(
  'listKeyPolicies',
  { keyId: text, limit: integer, marker: text },
  { policyNames: each(plain), nextMarker: plain, truncated: plain },
);

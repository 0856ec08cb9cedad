import type { RotationsListEntry } from '@keystead/proto/kms';
import { integer, text } from '../json/read.js';
import { each, object, plain, seconds } from '../json/write.js';
import { kms } from './operation.js';

const entry = object<RotationsListEntry>({
  keyId: plain,
  keyMaterialId: plain,
  keyMaterialState: plain,
  rotationDateMs: seconds,
  rotationType: plain,
  keyMaterialDescription: plain,
  importState: plain,
  expirationModel: plain,
  validToMs: seconds,
});

export const enableKeyRotation = kms('enableKeyRotation', { keyId: text, rotationPeriodInDays: integer });

export const disableKeyRotation = kms('disableKeyRotation', { keyId: text });

export const getKeyRotationStatus = kms(
  'getKeyRotationStatus',
  { keyId: text },
  {
    keyRotationEnabled: plain,
    keyId: plain,
    rotationPeriodInDays: plain,
    nextRotationDateMs: seconds,
    onDemandRotationStartDateMs: seconds,
  },
);

export const rotateKeyOnDemand = kms('rotateKeyOnDemand', { keyId: text }, { keyId: plain });

export const listKeyRotations = kms(
  'listKeyRotations',
  { keyId: text, includeKeyMaterial: text, limit: integer, marker: text },
  { rotations: each(entry), nextMarker: plain, truncated: plain },
);

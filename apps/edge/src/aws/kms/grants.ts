import type { ContextConstraint, GrantConstraints, GrantListEntry } from '@keystead/proto/kms';
import { flag, integer, structure, text, textMap, texts, type Reader } from '../json/read.js';
import { each, object, plain, seconds, type Writer } from '../json/write.js';
import { kms } from './operation.js';

/** A map that may be absent, which is not the same as empty: a grant with an empty constraint is refused. */
const pairs: Reader<ContextConstraint> = { read: (value) => ({ pairs: textMap.read(value) }) };

const constraints = structure<GrantConstraints>({
  encryptionContextSubset: pairs,
  encryptionContextEquals: pairs,
  sourceArn: text,
});

const writtenPairs: Writer<ContextConstraint> = (constraint) => constraint.pairs;

const entry = object<GrantListEntry>({
  keyId: plain,
  grantId: plain,
  name: plain,
  creationDateMs: seconds,
  granteePrincipal: plain,
  retiringPrincipal: plain,
  issuingAccount: plain,
  operations: each(plain),
  constraints: object<GrantConstraints>({
    encryptionContextSubset: writtenPairs,
    encryptionContextEquals: writtenPairs,
    sourceArn: plain,
  }),
});

const list = { grants: each(entry), nextMarker: plain, truncated: plain };

export const createGrant = kms(
  'createGrant',
  {
    keyId: text,
    granteePrincipal: text,
    retiringPrincipal: text,
    operations: texts,
    constraints,
    grantTokens: texts,
    name: text,
    dryRun: flag,
    granteeServicePrincipal: text,
    retiringServicePrincipal: text,
  },
  { grantToken: plain, grantId: plain },
);

export const listGrants = kms(
  'listGrants',
  {
    limit: integer,
    marker: text,
    keyId: text,
    grantId: text,
    granteePrincipal: text,
    granteeServicePrincipal: text,
  },
  list,
);

export const listRetirableGrants = kms(
  'listRetirableGrants',
  { limit: integer, marker: text, retiringPrincipal: text, retiringServicePrincipal: text },
  list,
);

export const retireGrant = kms('retireGrant', { grantToken: text, keyId: text, grantId: text, dryRun: flag });

export const revokeGrant = kms('revokeGrant', { keyId: text, grantId: text, dryRun: flag });

import type { QueryApi } from '../query/api.js';
import { query } from '../query/operation.js';
import { integer, members, structure, text, texts } from '../query/read.js';
import type { PolicyDescriptor, ProvidedContext } from '@keystead/proto/iam-query';
import { tags } from '../iam/users.js';

// The one member that AWS's model writes in small letters.
const policyArns = members<PolicyDescriptor>((form, name) => {
  const arn = form.get(`${name}.arn`);
  return arn === undefined ? undefined : { arn };
});

/** The only operation whose request nobody signs: the token in it proves the caller. */
export const unsigned = 'AssumeRoleWithWebIdentity';

const all = [
  query('getCallerIdentity', {}),
  query('getAccessKeyInfo', { accessKeyId: text }),
  query('assumeRole', {
    roleArn: text,
    roleSessionName: text,
    policyArns,
    policy: text,
    durationSeconds: integer,
    tags,
    transitiveTagKeys: texts,
    externalId: text,
    serialNumber: text,
    tokenCode: text,
    sourceIdentity: text,
    providedContexts: members(structure<ProvidedContext>({ providerArn: text, contextAssertion: text })),
  }),
  query('assumeRoleWithWebIdentity', {
    roleArn: text,
    roleSessionName: text,
    webIdentityToken: text,
    providerId: text,
    policyArns,
    policy: text,
    durationSeconds: integer,
  }),
  query('getSessionToken', { durationSeconds: integer, serialNumber: text, tokenCode: text }),
  query('decodeAuthorizationMessage', { encodedMessage: text }),
];

/** AWS STS, https://docs.aws.amazon.com/STS/latest/APIReference/ */
export const sts: QueryApi = {
  name: 'sts',
  version: '2011-06-15',
  namespace: 'https://sts.amazonaws.com/doc/2011-06-15/',
  eventSource: 'sts.amazonaws.com',
  operations: new Map(all.map((one) => [one.name, one])),
};

// The condition keys that this system fills in at evaluation. A policy that names another key of
// these services is refused when it is written: evaluated without its value, a Deny would not deny.

const aws = [
  'aws:calledvia',
  'aws:calledviafirst',
  'aws:calledvialast',
  'aws:currenttime',
  'aws:epochtime',
  'aws:federatedprovider',
  'aws:multifactorauthage',
  'aws:multifactorauthpresent',
  'aws:principalaccount',
  'aws:principalarn',
  'aws:principalisawsservice',
  'aws:principalservicename',
  'aws:principaltype',
  'aws:requestedregion',
  'aws:resourceaccount',
  'aws:securetransport',
  'aws:sourceaccount',
  'aws:sourcearn',
  'aws:sourceidentity',
  'aws:sourceip',
  'aws:tagkeys',
  'aws:tokenissuetime',
  'aws:useragent',
  'aws:userid',
  'aws:username',
  'aws:viaawsservice',
];

/** Keys of requests from an organization: there are none here, and an account outside of one has no value at AWS either. */
const organizations = [
  'principalorgid',
  'principalorgpaths',
  'resourceorgid',
  'resourceorgpaths',
  'sourceorgid',
  'sourceorgpaths',
].map((name) => `aws:${name}`);

const kms = [
  'kms:bypasspolicylockoutsafetycheck',
  'kms:calleraccount',
  'kms:customermasterkeyspec',
  'kms:customermasterkeyusage',
  'kms:datakeypairspec',
  'kms:encapsulationalgorithm',
  'kms:encryptionalgorithm',
  'kms:encryptioncontextkeys',
  'kms:expirationmodel',
  // Always absent: the parameters that would fill them are refused.
  'kms:grantconstraintsourcearn',
  'kms:granteeserviceprincipal',
  'kms:retiringserviceprincipal',
  'kms:grantconstrainttype',
  'kms:grantisforawsresource',
  'kms:grantoperations',
  'kms:granteeprincipal',
  'kms:retiringprincipal',
  'kms:keyagreementalgorithm',
  'kms:keyorigin',
  'kms:keyspec',
  'kms:keyusage',
  'kms:messagetype',
  'kms:multiregion',
  'kms:multiregionkeytype',
  'kms:primaryregion',
  'kms:replicaregion',
  'kms:reencryptonsamekey',
  'kms:requestalias',
  'kms:resourcealiases',
  'kms:rotationperiodindays',
  'kms:schedulekeydeletionpendingwindowindays',
  'kms:signingalgorithm',
  'kms:macalgorithm',
  'kms:validto',
  'kms:viaservice',
  'kms:wrappingalgorithm',
  'kms:wrappingkeyspec',
];

const s3 = [
  's3:prefix',
  's3:delimiter',
  's3:max-keys',
  's3:x-amz-server-side-encryption',
  's3:x-amz-server-side-encryption-aws-kms-key-id',
  's3:authtype',
  's3:signatureversion',
  's3:signatureage',
  's3:tlsversion',
  's3:x-amz-content-sha256',
  's3:x-amz-copy-source',
  's3:x-amz-metadata-directive',
  's3:x-amz-storage-class',
  's3:resourceaccount',
];

const iam = ['iam:policyarn', 'iam:resourcetag/', 'iam:permissionsboundary', 'iam:passedtoservice'];
const sts = [
  'sts:durationseconds',
  'sts:externalid',
  'sts:rolesessionname',
  'sts:sourceidentity',
  'sts:transitivetagkeys',
];

const exact = new Set([...aws, ...organizations, ...kms, ...s3, ...iam, ...sts]);
const prefixes = [
  'aws:principaltag/',
  'aws:requesttag/',
  'aws:resourcetag/',
  'iam:resourcetag/',
  'kms:encryptioncontext:',
  // Always absent, as long as Recipient is refused.
  'kms:recipientattestation:',
];
const ours = new Set(['aws', 'kms', 's3', 'iam', 'sts', 'cloudtrail']);

/** Whether a condition on this key (lower-cased) can be evaluated. Keys of services that are not here never have a value, as at AWS. */
export function isSupportedConditionKey(key: string): boolean {
  const service = key.slice(0, key.indexOf(':'));
  return exact.has(key) || prefixes.some((prefix) => key.startsWith(prefix)) || (service !== '' && !ours.has(service));
}

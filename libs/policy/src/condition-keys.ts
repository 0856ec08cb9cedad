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
].map(inAws);

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
  'kms:trailingdayswithoutkeyusage',
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
  's3:versionid',
  's3:if-match',
  's3:if-none-match',
  's3:x-amz-acl',
  's3:x-amz-object-ownership',
  's3:x-amz-server-side-encryption',
  's3:x-amz-server-side-encryption-aws-kms-key-id',
  's3:x-amz-server-side-encryption-customer-algorithm',
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

const iam = [
  'iam:associatedresourcearn',
  'iam:awsservicename',
  'iam:passedtoservice',
  'iam:permissionsboundary',
  'iam:policyarn',
];
const sts = [
  'sts:durationseconds',
  'sts:externalid',
  'sts:rolesessionname',
  'sts:sourceidentity',
  'sts:transitivetagkeys',
];

/**
 * Keys that no request can have here, because nothing here could bring them: AWS's networks, and features whose
 * operations and parameters are refused by name. At AWS such a request has no value either, so a Deny does what it does there.
 */
const absent = [
  ...['sourcevpc', 'sourcevpcarn', 'sourcevpce', 'vpcsourceip', 'vpceaccount', 'vpceorgid', 'vpceorgpaths'].map(inAws),
  ...['ec2instancesourcevpc', 'ec2instancesourceprivateipv4', 'chatbotsourcearn', 'signinsessionarn'].map(inAws),
  ...['assumedroot', 'principalservicenameslist'].map(inAws),
  ...['kms:grantconstraintsourcearn', 'kms:granteeserviceprincipal', 'kms:retiringserviceprincipal'],
  ...['s3:dataaccesspointaccount', 's3:dataaccesspointarn', 's3:accesspointnetworkorigin'],
  ...['s3:accessgrantscope', 's3:accessgrantsinstancearn', 's3:accessgrantslocationscope'],
  ...['s3:x-amz-grant-full-control', 's3:x-amz-grant-read', 's3:x-amz-grant-read-acp', 's3:x-amz-grant-write'],
  ...['s3:x-amz-grant-write-acp', 's3:x-amz-website-redirect-location', 's3:requestobjecttagkeys'],
  ...['s3:object-lock-mode', 's3:object-lock-legal-hold', 's3:object-lock-retain-until-date'],
  's3:object-lock-remaining-retention-days',
  ...['s3:existingjoboperation', 's3:existingjobpriority', 's3:requestjoboperation', 's3:requestjobpriority'],
  ...['s3:jobsuspendedcause', 's3:inventoryaccessibleoptionalfields', 's3:destinationregion'],
  's3:isreplicationpauserequest',
  ...['iam:fido-certification', 'iam:fido-fips-140-2-certification', 'iam:fido-fips-140-3-certification'],
  ...['iam:registersecuritykey', 'iam:organizationspolicyid', 'iam:servicespecificcredentialagedays'],
  'iam:servicespecificcredentialservicename',
  ...['sts:awsservicename', 'sts:requestcontextproviders', 'sts:taskpolicyarn', 'sts:identitytokenaudience'],
  'sts:signingalgorithm',
];

function inAws(name: string): string {
  return `aws:${name}`;
}

const exact = new Set([...aws, ...organizations, ...kms, ...s3, ...iam, ...sts, ...absent]);
/** The name of a tag, or of a pair of an encryption context, follows. */
const prefixes = new Set([
  'aws:principaltag/',
  'aws:requesttag/',
  'aws:resourcetag/',
  'iam:resourcetag/',
  'kms:encryptioncontext:',
  // From here on always absent, as long as Recipient, tags of buckets and objects, and ProvidedContexts are refused.
  'kms:recipientattestation:',
  's3:accesspointtag/',
  's3:buckettag/',
  's3:existingobjecttag/',
  's3:requestobjecttag/',
  'sts:requestcontext/',
]);
const ours = new Set(['aws', 'kms', 's3', 'iam', 'sts', 'cloudtrail']);

/**
 * Whether a condition on this key (lower-cased) can be evaluated. Keys of services that are not here never have a value,
 * and neither have names without a service, which AWS takes too.
 */
export function isSupportedConditionKey(key: string): boolean {
  const colon = key.indexOf(':');
  if (colon < 0 || !ours.has(key.slice(0, colon))) return true;
  return exact.has(key) || prefixes.has(prefixOf(key, colon));
}

/** Up to the first separator behind the service's colon, with it. */
function prefixOf(key: string, colon: number): string {
  for (let i = colon + 1; i < key.length; i++) {
    const code = key.charCodeAt(i);
    if (code === 0x2f || code === 0x3a) return key.slice(0, i + 1);
  }
  return key;
}

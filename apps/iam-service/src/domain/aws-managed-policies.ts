import type { ManagedPolicy, PolicyVersion } from './entities.js';
import { awsAccount, policyArn } from './arn.js';

/** A policy that AWS publishes, with the version that is in force. */
export interface AwsManagedPolicy {
  readonly policy: ManagedPolicy;
  readonly version: PolicyVersion;
}

interface Published {
  readonly id: string;
  readonly version: number;
  readonly created: string;
  readonly updated: string;
  readonly description: string;
  readonly statements: readonly object[];
}

// The documents are those that AWS publishes, but for two: of ReadOnlyAccess and SecurityAudit (40 and 98 KB) only the
// actions of the services that exist here. The ids are ours, but for AdministratorAccess.
const published: Readonly<Record<string, Published>> = {
  AdministratorAccess: {
    id: 'ANPAIWMBCKSKIEE64ZLYK',
    version: 1,
    created: '2015-02-06T18:39:46Z',
    updated: '2015-02-06T18:39:46Z',
    description: 'Provides full access to AWS services and resources.',
    statements: [{ Effect: 'Allow', Action: '*', Resource: '*' }],
  },
  PowerUserAccess: {
    id: 'ANPAL6YPUXLH7O5BSHI2O',
    version: 12,
    created: '2015-02-06T18:39:47Z',
    updated: '2026-02-12T17:59:14Z',
    description:
      'Provides full access to AWS services and resources, but does not allow management of Users and groups.',
    statements: [
      { Effect: 'Allow', NotAction: ['iam:*', 'organizations:*', 'account:*'], Resource: '*' },
      {
        Effect: 'Allow',
        Action: [
          'account:GetAccountInformation',
          'account:GetGovCloudAccountInformation',
          'account:GetPrimaryEmail',
          'account:ListRegions',
          'iam:CreateServiceLinkedRole',
          'iam:DeleteServiceLinkedRole',
          'iam:ListRoles',
          'organizations:DescribeEffectivePolicy',
          'organizations:DescribeOrganization',
        ],
        Resource: '*',
      },
    ],
  },
  ReadOnlyAccess: {
    id: 'ANPAXHIEIS42C5PMIH5V2',
    version: 190,
    created: '2015-02-06T18:39:48Z',
    updated: '2026-09-24T17:37:08Z',
    description: 'Provides read-only access to AWS services and resources.',
    statements: [
      {
        Effect: 'Allow',
        Action: [
          'cloudtrail:Describe*',
          'cloudtrail:Get*',
          'cloudtrail:List*',
          'cloudtrail:LookupEvents',
          'iam:Generate*',
          'iam:Get*',
          'iam:List*',
          'iam:Simulate*',
          'kms:Describe*',
          'kms:Get*',
          'kms:List*',
          's3:DescribeJob',
          's3:Get*',
          's3:List*',
          'sts:GetAccessKeyInfo',
          'sts:GetCallerIdentity',
          'sts:GetSessionToken',
        ],
        Resource: '*',
      },
    ],
  },
  SecurityAudit: {
    id: 'ANPASCKPSUHQKZNY6RBJH',
    version: 94,
    created: '2015-02-06T18:41:01Z',
    updated: '2026-09-30T20:27:08Z',
    description:
      'The security audit template grants access to read security configuration metadata. It is useful for software that audits the configuration of an AWS account.',
    statements: [
      {
        Effect: 'Allow',
        Action: [
          'cloudtrail:DescribeTrails',
          'cloudtrail:GetEventSelectors',
          'cloudtrail:GetInsightSelectors',
          'cloudtrail:GetTrail',
          'cloudtrail:GetTrailStatus',
          'cloudtrail:ListEventDataStores',
          'cloudtrail:ListTags',
          'cloudtrail:ListTrails',
          'cloudtrail:LookupEvents',
          'iam:GenerateCredentialReport',
          'iam:GenerateServiceLastAccessedDetails',
          'iam:Get*',
          'iam:List*',
          'iam:SimulateCustomPolicy',
          'iam:SimulatePrincipalPolicy',
          'kms:Describe*',
          'kms:Get*',
          'kms:List*',
          's3:DescribeJob',
          's3:GetAccelerateConfiguration',
          's3:GetAccessGrantsInstanceResourcePolicy',
          's3:GetAccessPoint',
          's3:GetAccessPointConfigurationForObjectLambda',
          's3:GetAccessPointForObjectLambda',
          's3:GetAccessPointPolicy',
          's3:GetAccessPointPolicyForObjectLambda',
          's3:GetAccessPointPolicyStatus',
          's3:GetAccessPointPolicyStatusForObjectLambda',
          's3:GetAccountPublicAccessBlock',
          's3:GetAnalyticsConfiguration',
          's3:GetBucket*',
          's3:GetEncryptionConfiguration',
          's3:GetInventoryConfiguration',
          's3:GetLifecycleConfiguration',
          's3:GetMetricsConfiguration',
          's3:GetMultiRegionAccessPoint',
          's3:GetMultiRegionAccessPointPolicy',
          's3:GetMultiRegionAccessPointPolicyStatus',
          's3:GetObjectAcl',
          's3:GetObjectTagging',
          's3:GetObjectVersionAcl',
          's3:GetReplicationConfiguration',
          's3:GetStorageLensConfiguration',
          's3:GetStorageLensGroup',
          's3:ListAccessGrants',
          's3:ListAccessGrantsInstances',
          's3:ListAccessPoints',
          's3:ListAccessPointsForObjectLambda',
          's3:ListAllMyBuckets',
          's3:ListBucket',
          's3:ListCallerAccessGrants',
          's3:ListJobs',
          's3:ListMultiRegionAccessPoints',
          's3:ListStorageLensConfigurations',
          's3:ListStorageLensGroups',
          'sts:GetAccessKeyInfo',
        ],
        Resource: '*',
      },
    ],
  },
  IAMFullAccess: {
    id: 'ANPANI7BI3NETX5J4LXQZ',
    version: 2,
    created: '2015-02-06T18:40:38Z',
    updated: '2019-06-21T19:40:00Z',
    description: 'Provides full access to IAM via the AWS Management Console.',
    statements: [
      {
        Effect: 'Allow',
        Action: [
          'iam:*',
          'organizations:DescribeAccount',
          'organizations:DescribeOrganization',
          'organizations:DescribeOrganizationalUnit',
          'organizations:DescribePolicy',
          'organizations:ListChildren',
          'organizations:ListParents',
          'organizations:ListPoliciesForTarget',
          'organizations:ListRoots',
          'organizations:ListPolicies',
          'organizations:ListTargetsForPolicy',
        ],
        Resource: '*',
      },
    ],
  },
  IAMReadOnlyAccess: {
    id: 'ANPABQ2YC2TBPLZLRXFHD',
    version: 4,
    created: '2015-02-06T18:40:39Z',
    updated: '2018-01-25T19:11:27Z',
    description: 'Provides read only access to IAM via the AWS Management Console.',
    statements: [
      {
        Effect: 'Allow',
        Action: [
          'iam:GenerateCredentialReport',
          'iam:GenerateServiceLastAccessedDetails',
          'iam:Get*',
          'iam:List*',
          'iam:SimulateCustomPolicy',
          'iam:SimulatePrincipalPolicy',
        ],
        Resource: '*',
      },
    ],
  },
  AmazonS3FullAccess: {
    id: 'ANPALTRRNLNMS3W5EIMCP',
    version: 2,
    created: '2015-02-06T18:40:58Z',
    updated: '2021-09-27T20:16:37Z',
    description: 'Provides full access to all buckets via the AWS Management Console.',
    statements: [{ Effect: 'Allow', Action: ['s3:*', 's3-object-lambda:*'], Resource: '*' }],
  },
  AmazonS3ReadOnlyAccess: {
    id: 'ANPAMZRIT2WLPV4AJ5RFV',
    version: 3,
    created: '2015-02-06T18:40:59Z',
    updated: '2023-08-10T21:31:39Z',
    description: 'Provides read only access to all buckets via the AWS Management Console.',
    statements: [
      {
        Effect: 'Allow',
        Action: ['s3:Get*', 's3:List*', 's3:Describe*', 's3-object-lambda:Get*', 's3-object-lambda:List*'],
        Resource: '*',
      },
    ],
  },
  AWSKeyManagementServicePowerUser: {
    id: 'ANPASGFE3ZBZOCNOAUOY3',
    version: 2,
    created: '2015-02-06T18:40:40Z',
    updated: '2017-03-07T00:55:11Z',
    description: 'Provides access to AWS Key Management Service (KMS).',
    statements: [
      {
        Effect: 'Allow',
        Action: [
          'kms:CreateAlias',
          'kms:CreateKey',
          'kms:DeleteAlias',
          'kms:Describe*',
          'kms:GenerateRandom',
          'kms:Get*',
          'kms:List*',
          'kms:TagResource',
          'kms:UntagResource',
          'iam:ListGroups',
          'iam:ListRoles',
          'iam:ListUsers',
        ],
        Resource: '*',
      },
    ],
  },
  AWSCloudTrail_FullAccess: {
    id: 'ANPA27Q4KEPQMKODZ2NSL',
    version: 3,
    created: '2020-10-08T23:41:15Z',
    updated: '2021-02-22T19:01:00Z',
    description: 'Provides full access to AWS CloudTrail.',
    statements: [
      {
        Effect: 'Allow',
        Action: ['sns:AddPermission', 'sns:CreateTopic', 'sns:SetTopicAttributes', 'sns:GetTopicAttributes'],
        Resource: ['arn:aws:sns:*:*:aws-cloudtrail-logs*'],
      },
      { Effect: 'Allow', Action: ['sns:ListTopics'], Resource: '*' },
      {
        Effect: 'Allow',
        Action: ['s3:CreateBucket', 's3:PutBucketPolicy', 's3:PutBucketPublicAccessBlock'],
        Resource: ['arn:aws:s3:::aws-cloudtrail-logs*'],
      },
      { Effect: 'Allow', Action: ['s3:ListAllMyBuckets', 's3:GetBucketLocation', 's3:GetBucketPolicy'], Resource: '*' },
      { Effect: 'Allow', Action: 'cloudtrail:*', Resource: '*' },
      {
        Effect: 'Allow',
        Action: ['logs:CreateLogGroup'],
        Resource: ['arn:aws:logs:*:*:log-group:aws-cloudtrail-logs*'],
      },
      { Effect: 'Allow', Action: ['iam:ListRoles', 'iam:GetRolePolicy', 'iam:GetUser'], Resource: '*' },
      {
        Effect: 'Allow',
        Action: ['iam:PassRole'],
        Resource: '*',
        Condition: { StringEquals: { 'iam:PassedToService': 'cloudtrail.amazonaws.com' } },
      },
      {
        Effect: 'Allow',
        Action: ['kms:CreateKey', 'kms:CreateAlias', 'kms:ListKeys', 'kms:ListAliases'],
        Resource: '*',
      },
      { Effect: 'Allow', Action: ['lambda:ListFunctions'], Resource: '*' },
      { Effect: 'Allow', Action: ['dynamodb:ListGlobalTables', 'dynamodb:ListTables'], Resource: '*' },
    ],
  },
  AWSCloudTrail_ReadOnlyAccess: {
    id: 'ANPAWOMNF34TLIABQ24ZQ',
    version: 1,
    created: '2022-06-14T17:19:05Z',
    updated: '2022-06-14T17:19:05Z',
    description: 'Provides read only access to AWS CloudTrail.',
    statements: [
      {
        Effect: 'Allow',
        Action: ['cloudtrail:Get*', 'cloudtrail:Describe*', 'cloudtrail:List*', 'cloudtrail:LookupEvents'],
        Resource: '*',
      },
    ],
  },
};

function awsManaged(
  name: string,
  { id, version, created, updated, description, statements }: Published,
): AwsManagedPolicy {
  const policy = {
    account: awsAccount,
    id,
    name,
    path: '/',
    description,
    defaultVersion: version,
    createdAt: new Date(created),
    updatedAt: new Date(updated),
    tags: [],
  };
  const document = JSON.stringify({ Version: '2012-10-17', Statement: statements }, null, 4);
  return { policy, version: { number: version, document, createdAt: policy.updatedAt } };
}

/** AWS's own policies by ARN; every account can attach them, nobody can change them. */
export const awsManagedPolicies: ReadonlyMap<string, AwsManagedPolicy> = new Map(
  Object.entries(published).map(([name, facts]) => [policyArn(awsAccount, '/', name), awsManaged(name, facts)]),
);

/** What the first administrator has. */
export const administratorAccess = policyArn(awsAccount, '/', 'AdministratorAccess');

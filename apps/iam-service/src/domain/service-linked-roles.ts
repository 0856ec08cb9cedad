import { KeysteadError } from '@keystead/errors';
import type { Role } from './entities.js';

const folder = '/aws-service-role/';

/** Where AWS's names do not follow from the service's. */
const names: Readonly<Record<string, string>> = {
  'autoscaling.amazonaws.com': 'AutoScaling',
  'cks.kms.amazonaws.com': 'KeyManagementServiceCustomKeyStores',
  'cloudhsm.amazonaws.com': 'CloudHSM',
  'cloudtrail.amazonaws.com': 'CloudTrail',
  'ecs.amazonaws.com': 'ECS',
  'eks.amazonaws.com': 'AmazonEKS',
  'elasticloadbalancing.amazonaws.com': 'ElasticLoadBalancing',
  'mrk.kms.amazonaws.com': 'KeyManagementServiceMultiRegionKeys',
  'rds.amazonaws.com': 'RDS',
};

/** Path, name and trust policy of a service's role. Throws InvalidInput for what is not a service's name. */
export function serviceLinkedRole(service: string, suffix: string | undefined) {
  const label = /^([a-z0-9-]+(?:\.[a-z0-9-]+)*)\.amazonaws\.com$/.exec(service)?.[1];
  if (label === undefined || service.length > 100) {
    throw new KeysteadError('InvalidInput', `Service role name ${service.slice(0, 128)} is invalid.`);
  }
  const own = names[service] ?? label.replaceAll(/(?:^|[.-])([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
  const name = `AWSServiceRoleFor${own}${suffix === undefined ? '' : `_${suffix}`}`;
  if (name.length > 64) throw new KeysteadError('InvalidInput', `Service role name ${name} is too long.`);
  const statement = { Effect: 'Allow', Principal: { Service: service }, Action: 'sts:AssumeRole' };
  return {
    path: `${folder}${service}/`,
    name,
    trust: JSON.stringify({ Version: '2012-10-17', Statement: [statement] }),
  };
}

/** True for the role of an AWS service, which its account does not change. */
export function isServiceLinked({ path }: Pick<Role, 'path'>): boolean {
  return path.startsWith(folder);
}

/** The id of the deletion of such a role: the role, and an id of its own. */
export function deletionTask({ path, name }: Role, id: string): string {
  return `task${path}${name}/${id}`;
}

/** The role's name in a task id; undefined for anything else. */
export function roleOfTask(task: string): string | undefined {
  return /^task\/aws-service-role\/[a-z0-9.-]+\/([\w+=,.@-]{1,64})\/[0-9a-f-]{36}$/.exec(task)?.[1];
}

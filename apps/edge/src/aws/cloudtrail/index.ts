import type { JsonApi } from '../json/api.js';
import { lookupEvents } from './lookup-events.js';

const verbs =
  /^(Add|Cancel|Create|Delete|Deregister|Describe|Disable|Enable|Generate|Get|List|Put|Register|Remove|Restore|Search|Start|Stop|Update)[A-Z]/;

/** AWS CloudTrail, https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/; of its operations LookupEvents. */
export const cloudTrailApi: JsonApi = {
  name: 'cloudtrail',
  eventSource: 'cloudtrail.amazonaws.com',
  operations: new Map([[lookupEvents.name, lookupEvents]]),
  notOffered: (operation) => verbs.test(operation),
  isReadOnly: (operation) => /^(Describe|Get|List|Lookup|Search)/.test(operation),
};

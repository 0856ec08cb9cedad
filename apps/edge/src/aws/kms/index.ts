import type { JsonApi } from '../json/api.js';
import type { JsonOperation } from '../json/operation.js';
import * as aliases from './aliases.js';
import * as ciphertexts from './ciphertexts.js';
import * as dataKeys from './data-keys.js';
import * as grants from './grants.js';
import * as imports from './imports.js';
import * as keys from './keys.js';
import * as policies from './policies.js';
import * as rotation from './rotation.js';
import * as sharedSecrets from './shared-secrets.js';
import * as signatures from './signatures.js';
import * as state from './state.js';
import * as tags from './tags.js';
import { getKeyLastUsage } from './usage.js';

const { createKey, describeKey, listKeys, updateKeyDescription } = keys;
const { encrypt, decrypt, reEncrypt } = ciphertexts;

const all: readonly JsonOperation[] = [
  createKey,
  describeKey,
  listKeys,
  updateKeyDescription,
  getKeyLastUsage,
  encrypt,
  decrypt,
  reEncrypt,
  ...Object.values(state),
  ...Object.values(aliases),
  ...Object.values(policies),
  ...Object.values(tags),
  ...Object.values(rotation),
  ...Object.values(dataKeys),
  ...Object.values(signatures),
  ...Object.values(sharedSecrets),
  ...Object.values(imports),
  ...Object.values(grants),
];

/** AWS's other KMS operations: known by name, answered with UnsupportedOperationException. */
const notOffered: ReadonlySet<string> = new Set([
  'ConnectCustomKeyStore',
  'CreateCustomKeyStore',
  'DeleteCustomKeyStore',
  'DescribeCustomKeyStores',
  'DisconnectCustomKeyStore',
  'ReplicateKey',
  'UpdateCustomKeyStore',
  'UpdatePrimaryRegion',
]);

const readOnly = /^(Decapsulate|Decrypt|Derive|Describe|Encapsulate|Encrypt|Generate|Get|List|ReEncrypt|Sign|Verify)/;

/** AWS KMS, https://docs.aws.amazon.com/kms/latest/APIReference/ */
export const kmsApi: JsonApi = {
  name: 'kms',
  eventSource: 'kms.amazonaws.com',
  operations: new Map(all.map((one) => [one.name, one])),
  notOffered: (operation) => notOffered.has(operation),
  isReadOnly: (operation) => readOnly.test(operation),
};

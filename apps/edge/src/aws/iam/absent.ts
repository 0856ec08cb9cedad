import { query } from '../query/operation.js';
import { flag, text } from '../query/read.js';
import { page } from './users.js';

/** What is asked for though it is not here. */
export const absent = [
  query('listMfaDevices', { userName: text, ...page }),
  query('listVirtualMfaDevices', { assignmentStatus: text, ...page }),
  query('listSshPublicKeys', { userName: text, ...page }),
  query('listSigningCertificates', { userName: text, ...page }),
  query('listServiceSpecificCredentials', { userName: text, serviceName: text, allUsers: flag, ...page }),
  query('listSamlProviders', {}),
  query('listServerCertificates', { pathPrefix: text, ...page }),
  query('getLoginProfile', { userName: text }),
  query('deleteLoginProfile', { userName: text }),
  query('getAccountPasswordPolicy', {}),
];

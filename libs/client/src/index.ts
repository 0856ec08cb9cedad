export { KeysteadError } from '@keystead/errors';
export {
  createKmsClient,
  type KmsCallOptions,
  type CertificateOptions,
  type CredentialsOptions,
  type KmsClient,
  type KmsClientOptions,
} from './client.js';
export type { AwsCredentials, AwsCredentialsProvider } from './credentials.js';
export type { OperationName, Requests, Responses } from './operations.js';

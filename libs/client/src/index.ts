export { KeysteadError } from '@keystead/errors';
export { createKmsClient, type KmsCallOptions, type KmsClient, type KmsClientOptions } from './client.js';
export type { OperationName, Requests, Responses } from './operations.js';

export * from './gen/keystead/kms/v1/admin.js';
export * from './gen/keystead/kms/v1/kms.js';

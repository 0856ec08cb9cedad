export * from './gen/keystead/iam/v1/admin.js';
export * from './gen/keystead/iam/v1/iam.js';

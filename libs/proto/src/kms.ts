export * from './gen/keystead/kms/v1/kms.js';

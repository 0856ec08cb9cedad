export * from './gen/keystead/iam/v1/iam.js';

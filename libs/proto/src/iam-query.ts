export * from './gen/keystead/iam/v1/query.js';

export * from './gen/keystead/common/v1/context.js';
export * from './gen/keystead/common/v1/lease.js';
export * from './gen/keystead/common/v1/testing.js';

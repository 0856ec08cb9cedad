export * from './gen/keystead/hsm/v1/admin.js';
export * from './gen/keystead/hsm/v1/hsm.js';
export * from './gen/keystead/hsm/v1/partition.js';
export * from './gen/keystead/hsm/v1/root.js';

export * from './gen/keystead/hsm/v1/hsm.js';

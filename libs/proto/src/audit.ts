export * from './gen/keystead/audit/v1/audit.js';

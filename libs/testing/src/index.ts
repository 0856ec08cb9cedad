export { KeysteadContainer, StartedKeysteadContainer } from './container.js';
export type { ClientConfig, Credentials } from './credentials.js';
export { startKeystead, type HarnessOptions, type StartedKeystead } from './harness.js';
export type { RunningKeystead } from './running.js';

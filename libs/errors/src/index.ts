export { isCode, wire, type Code, type Wire } from './codes.js';
export { asKeysteadError, fromWire, hasCode, KeysteadError, toWire, type ErrorOnWire } from './error.js';

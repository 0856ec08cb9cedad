export { createAuthority, issueCertificate, type CertificateRequest, type KeyPair } from './authority.js';
export { operatorName, principalName, serviceName } from './names.js';

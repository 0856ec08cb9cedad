import { AuthError, type Flavour } from './errors.js';
import { remembered } from './remembered.js';

/** `AKID/YYYYMMDD/region/service/aws4_request`, taken apart. */
export interface CredentialScope {
  readonly accessKeyId: string;
  readonly date: string;
  readonly region: string;
  readonly service: string;
  /** Everything after the access key id. */
  readonly scope: string;
}

/** What a credential must be scoped to. AWS accepts several Regions where a service is global. */
export interface Expected {
  readonly flavour: Flavour;
  readonly services: readonly string[];
  readonly regions: readonly string[];
}

const word = /^[A-Za-z0-9_-]{1,128}$/;

/** Undefined when the credential has not five parts of sound shape. */
export const readCredential = remembered(1_000, parseCredential);

function parseCredential(credential: string): CredentialScope | undefined {
  const parts = credential.split('/', 6);
  if (parts.length !== 5) return undefined;
  const [accessKeyId, date, region, service, end] = parts as [string, string, string, string, string];
  if (end !== 'aws4_request' || !/^\d{8}$/.test(date)) return undefined;
  if (!word.test(accessKeyId) || !word.test(region) || !word.test(service)) return undefined;
  return { accessKeyId, date, region, service, scope: `${date}/${region}/${service}/aws4_request` };
}

/** Refuses a credential of another service, Region or day than the request is for. */
export function checkScope(given: CredentialScope, timestamp: string, expected: Expected, form: Form): void {
  const { services, regions, flavour } = expected;
  if (!services.includes(given.service)) throw wrongPart(flavour, form, 'service', given.service, services[0] ?? '');
  if (!regions.includes(given.region)) throw wrongPart(flavour, form, 'region', given.region, regions[0] ?? '');
  if (!timestamp.startsWith(given.date)) throw wrongDate(flavour, form, given.date, timestamp);
}

/** Where the signature is: in the Authorization header, or in the query. */
export type Form = 'header' | 'presigned';

function wrongPart(flavour: Flavour, form: Form, part: 'service' | 'region', given: string, wanted: string): AuthError {
  if (flavour === 's3') return s3Scope(form, `the ${part} '${given}' is wrong; expecting '${wanted}'`, part, wanted);
  const valid = part === 'region' ? 'a valid region' : 'correct service';
  return new AuthError('WrongScope', `Credential should be scoped to ${valid}: '${wanted}'.`);
}

function wrongDate(flavour: Flavour, form: Form, date: string, timestamp: string): AuthError {
  if (flavour === 's3') return s3Scope(form, `Invalid credential date "${date}"`);
  return new AuthError(
    'WrongScope',
    `Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '${date}' != '${timestamp.slice(0, 8)}', from '${timestamp}'.`,
  );
}

function s3Scope(form: Form, why: string, part?: 'service' | 'region', wanted = ''): AuthError {
  const details: Record<string, string> = part === 'region' ? { Region: wanted } : {};
  return form === 'header'
    ? new AuthError('WrongScope', `The authorization header is malformed; ${why}`, details)
    : new AuthError('QueryParameters', `Error parsing the X-Amz-Credential parameter; ${why}`, details);
}

import { KeysteadError } from '@keystead/errors';
import { constraint, present } from './fields.js';

const loopback = /^(localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;
const maximumClients = 100;
const maximumThumbprints = 5;

/** True where a token issuer may be reached without TLS: on this machine. */
export function isReachable({ protocol, hostname }: URL): boolean {
  return protocol === 'https:' || (protocol === 'http:' && loopback.test(hostname));
}

/** An issuer: https, or http on a loopback address, without credentials, query and fragment. Throws Validation. */
export function issuer(value: string | undefined): { url: string; name: string } {
  const text = present('url', value);
  if (text.length < 1 || text.length > 255)
    throw constraint('url', text.slice(0, 128), 'have length between 1 and 255');
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const plain = url && isReachable(url) && url.username === '' && url.search === '' && url.hash === '';
  if (!plain || !/^https?:\/\/[a-z0-9.:[\]-]+(\/[\w.~%/-]*)?$/.test(text)) {
    throw new KeysteadError('Validation', 'Invalid Open ID Connect Provider URL');
  }
  // The claim iss is compared with the URL as it is given, but for a slash at its end, as at AWS.
  const trimmed = text.replace(/\/$/, '');
  return { url: trimmed, name: nameOf(trimmed) };
}

/** An issuer as ARNs and condition keys have it. */
export const nameOf = (url: string): string => url.replace(/^https?:\/\//, '').replace(/\/$/, '');

/** Audiences: each of 1 to 255 characters, at most a hundred. Throws Validation, LimitExceeded. */
export function clientIds(values: readonly string[]): readonly string[] {
  const all = [...new Set(values.map((value) => clientId(value)))];
  if (all.length <= maximumClients) return all;
  throw new KeysteadError(
    'LimitExceeded',
    `Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: ${maximumClients}`,
  );
}

export function clientId(value: string | undefined): string {
  const text = present('clientID', value);
  if (text.length >= 1 && text.length <= 255) return text;
  throw constraint('clientID', text.slice(0, 128), 'have length between 1 and 255');
}

/** SHA-1 in hex, at most five. Throws Validation, InvalidInput. */
export function thumbprints(values: readonly string[]): readonly string[] {
  for (const value of values) {
    if (value.length !== 40) {
      throw constraint(
        'thumbprintList',
        value.slice(0, 64),
        `have length ${value.length < 40 ? 'greater' : 'less'} than or equal to 40`,
      );
    }
  }
  if (values.length > maximumThumbprints) {
    throw new KeysteadError(
      'InvalidInput',
      `Thumbprint list must contain fewer than ${maximumThumbprints + 1} entries.`,
    );
  }
  return values;
}

/** The issuer's name in a provider's ARN of that account. Throws InvalidInput. */
export function providerName(value: string | undefined, account: string): string {
  const arn = present('openIDConnectProviderArn', value);
  const parts = /^arn:aws:iam::(\d{12}):oidc-provider\/([!-~]{1,255})$/.exec(arn);
  if (parts?.[1] === account && parts[2] !== undefined) return parts[2];
  throw new KeysteadError('InvalidInput', `Invalid ARN:  ${arn.slice(0, 256)}`);
}

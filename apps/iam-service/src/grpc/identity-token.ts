import type { OidcProvider } from '../domain/entities.js';

/** What a proven token says. */
export interface ProvenToken {
  readonly provider: OidcProvider;
  /** As the token has it. */
  readonly issuer: string;
  readonly subject: string;
  readonly audience: string;
  /** By condition key, for example "issuer.example.com:sub". */
  readonly claims: Readonly<Record<string, string>>;
  /** What the claim https://aws.amazon.com/tags asks for. */
  readonly tags: readonly { readonly key: string; readonly value: string }[];
  readonly transitiveTagKeys: readonly string[];
  readonly sourceIdentity: string | undefined;
}

/**
 * Proves a token against the OIDC providers of an account. Throws InvalidIdentityToken, ExpiredIdentityToken,
 * IdpCommunication.
 */
export type Identify = (token: string, account: string) => Promise<ProvenToken>;

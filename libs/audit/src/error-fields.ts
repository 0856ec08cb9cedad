/** What a record says of a failure; a KeysteadError fits (its name is AWS's). */
export interface ErrorFields {
  /** AWS's name, for example "DisabledException". */
  readonly name: string;
  /** The sentence the caller saw. */
  readonly message: string;
}

/** CloudTrail's errorCode: AccessDenied for AccessDeniedException, every other name as it is. */
export function errorCode(error: ErrorFields): string {
  return error.name === 'AccessDeniedException' ? 'AccessDenied' : error.name;
}

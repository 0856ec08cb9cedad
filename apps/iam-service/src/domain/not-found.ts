import { KeysteadError } from '@keystead/errors';

const noSuchEntity = (message: string) => new KeysteadError('NoSuchEntity', message);

export const noUser = (name: string) => noSuchEntity(`The user with name ${name} cannot be found.`);
export const noRole = (name: string) => noSuchEntity(`The role with name ${name} cannot be found.`);
export const noInstanceProfile = (name: string) => noSuchEntity(`Instance Profile ${name} cannot be found.`);
export const noOidcProvider = (arn: string) => noSuchEntity(`OpenIDConnect Provider not found for arn ${arn}`);
export const noGroup = (name: string) => noSuchEntity(`The group with name ${name} cannot be found.`);
export const noAccessKey = (id: string) => noSuchEntity(`The Access Key with id ${id} cannot be found.`);
export const noPolicy = (arn: string) => noSuchEntity(`Policy ${arn} was not found.`);
export const notAttachable = (arn: string) => noSuchEntity(`Policy ${arn} does not exist or is not attachable.`);
export const noVersion = (arn: string, number: number) =>
  noSuchEntity(`Policy ${arn} version v${number} does not exist or is not attachable.`);
export const noAlias = (alias: string) => noSuchEntity(`The Account Alias with name ${alias} cannot be found.`);
export const noInlinePolicy = (kind: string, name: string) =>
  noSuchEntity(`The ${kind} policy with name ${name} cannot be found.`);

/** The value, or the error that says what is missing. */
export function found<T>(value: T | undefined, error: () => KeysteadError): T {
  if (value === undefined) throw error();
  return value;
}

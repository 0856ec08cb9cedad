/** What the user can mend: printed as its one sentence, without a stack, with exit code 1. */
export class Failure extends Error {
  override name = 'Failure';
}

/** The text of anything thrown. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

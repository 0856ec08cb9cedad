/**
 * Why a root file does not open:
 * - damaged: torn or rotten bytes (the checksum does not fit); an older generation may serve
 * - unsupported: made by another version, or only for recipients that this version cannot use
 * - wrong-secret: the file is whole, and the passphrase or key file is not the one it was made for
 * - tampered: the file is whole and the secret fits, yet the content was not written by this HSM
 */
export type RootProblem = 'damaged' | 'unsupported' | 'wrong-secret' | 'tampered';

/** A root file that does not open; the message is one sentence for the operator. */
export class RootError extends Error {
  override readonly name = 'RootError';
  readonly problem: RootProblem;

  constructor(problem: RootProblem, message: string) {
    super(message);
    this.problem = problem;
  }
}

/** A policy document that AWS would refuse, or that this engine cannot evaluate; the message is for its author. */
export class PolicyError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'PolicyError';
  }
}

import { tokenize, type Token } from '@humanwhocodes/momoa';

/** A place in a document, line and column from 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** Where a statement begins and ends, as the simulation of IAM tells it. */
export interface StatementPosition {
  readonly start: Position;
  /** Behind the closing brace. */
  readonly end: Position;
}

/**
 * The places of the statements of a valid policy document, in its order.
 *
 * AWS counts from where its reader stands when it meets a statement, which the examples of the AWS CLI show: behind the
 * opening brace of a single statement; behind the bracket, or the statement before, in a list.
 * https://docs.aws.amazon.com/cli/latest/reference/iam/simulate-custom-policy.html
 */
export function statementPositions(document: string): StatementPosition[] {
  const tokens = tokenize(document, { ranges: true });
  const first = statementValue(document, tokens);
  if (first < 0) return [];
  const isList = tokens[first]?.type === 'LBracket';
  const found: StatementPosition[] = [];
  let start = placeBehind(tokens[first]);
  let depth = 0;
  for (const token of tokens.slice(isList ? first + 1 : first)) {
    depth += nesting(token);
    if (depth < 0) break;
    if (token.type !== 'RBrace' || depth > 0) continue;
    found.push({ start, end: placeBehind(token) });
    start = placeBehind(token);
    if (!isList) break;
  }
  return found;
}

/** The index of the first token of the value of the top level's Statement. */
function statementValue(document: string, tokens: readonly Token[]): number {
  let depth = 0;
  return (
    1 +
      tokens.findIndex((token, index) => {
        depth += nesting(token);
        if (depth !== 1 || token.type !== 'Colon') return false;
        const [from, to] = tokens[index - 1]?.range ?? [0, 0];
        return JSON.parse(document.slice(from, to)) === 'Statement';
      }) || -1
  );
}

function nesting({ type }: Token): number {
  if (type === 'LBrace' || type === 'LBracket') return 1;
  return type === 'RBrace' || type === 'RBracket' ? -1 : 0;
}

function placeBehind(token: Token | undefined): Position {
  const { line = 1, column = 1 } = token?.loc.end ?? {};
  return { line, column };
}

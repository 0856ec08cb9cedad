/** A table as it is printed and kept. */
export interface Table {
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** What a reader must know to understand it. */
  readonly notes?: readonly string[];
}

/** A table in Markdown with columns in line, so that it reads the same in a terminal and in RESULTS.md. */
export function render({ title, columns, rows, notes = [] }: Table): string {
  const all = [columns, ...rows];
  const widths = columns.map((_, n) => Math.max(3, ...all.map((row) => (row[n] ?? '').length)));
  const line = (cells: readonly string[]): string =>
    `| ${widths.map((width, n) => aligned(cells[n] ?? '', width, n)).join(' | ')} |`;
  const rule = `| ${widths.map((width, n) => (n === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`)).join(' | ')} |`;
  return [`### ${title}`, '', line(columns), rule, ...rows.map(line), ...notes.flatMap((note) => ['', note]), ''].join(
    '\n',
  );
}

const aligned = (text: string, width: number, column: number): string =>
  column === 0 ? text.padEnd(width) : text.padStart(width);

/** A number with at most three digits that mean something, thousands apart. */
export function figure(value: number): string {
  if (!Number.isFinite(value)) return '-';
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en-US');
  return value.toFixed(Math.abs(value) >= 10 ? 1 : 2);
}

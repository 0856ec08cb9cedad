/** One line of a campaign's report. */
export function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

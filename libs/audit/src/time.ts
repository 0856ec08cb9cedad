let lastSecond = NaN;
let lastText = '';

/** CloudTrail's times: "2026-11-22T18:30:52Z", whole seconds, UTC. */
export function isoSeconds(ms: number): string {
  const second = Math.floor(ms / 1000);
  // Thousands of records share a second.
  if (second !== lastSecond) {
    lastText = `${new Date(ms).toISOString().slice(0, 19)}Z`;
    lastSecond = second;
  }
  return lastText;
}

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** A date inside KMS's requestParameters and responseElements: "Apr 12, 2021 18:58:30 PM", UTC. */
export function cloudTrailDate(date: Date): string {
  const time = date.toISOString().slice(11, 19);
  const half = date.getUTCHours() < 12 ? 'AM' : 'PM';
  return `${months[date.getUTCMonth()] ?? ''} ${String(date.getUTCDate())}, ${String(date.getUTCFullYear())} ${time} ${half}`;
}

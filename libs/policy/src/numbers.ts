/** The number that a text is; NaN for what is none: Number() would also take hexadecimal, Infinity and nothing at all. */
export function numberOf(value: string): number {
  if (isWritten(value)) return Number(value);
  return /^[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?$/.test(value.trim()) ? Number(value) : NaN;
}

/** Whether a text has a digit, and nothing but what decimal numbers are written with: then Number() is right. */
function isWritten(value: string): boolean {
  let digits = 0;
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i);
    if (code >= 48 && code <= 57) digits++;
    else if (code !== 0x2e && code !== 0x2d && code !== 0x2b && (code | 0x20) !== 0x65) return false;
  }
  return digits > 0;
}

const dateForm = /^(\d{4}-\d{2})(-\d{2})?(?:T(\d{2}:\d{2})(:\d{2}(?:\.\d+)?)?(?:Z|([-+]\d{2})(?::?(\d{2}))?)?)?$/i;

/** Milliseconds since 1970 of an ISO 8601 date or of seconds since 1970; NaN for anything else. */
export function dateOf(value: string): number {
  if (isSeconds(value)) return Number(value) * 1000;
  const [, month, day = '-01', time = '00:00', seconds = ':00', hours, minutes = '00'] = dateForm.exec(value) ?? [];
  if (month === undefined) return NaN;
  // A time without a zone is UTC, whatever the zone of this machine.
  return Date.parse(`${month}${day}T${time}${seconds}${hours === undefined ? 'Z' : `${hours}:${minutes}`}`);
}

/** Digits, perhaps with a point between. */
function isSeconds(value: string): boolean {
  let point = -1;
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i);
    if (code >= 48 && code <= 57) continue;
    if (code !== 0x2e || point >= 0 || i === 0) return false;
    point = i;
  }
  return value.length > 0 && point !== value.length - 1;
}

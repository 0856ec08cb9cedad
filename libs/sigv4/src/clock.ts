import { AuthError, type Flavour } from './errors.js';

/** How far a request's time may lie from ours, in milliseconds. */
export const clockWindow = 15 * 60 * 1000;

/** Longest life of a presigned request, in seconds: one week. */
export const longestExpiry = 604_800;

const basic = /^\d{8}T\d{6}Z$/;

/** Milliseconds of `YYYYMMDDTHHMMSSZ`; undefined when it is no such time. */
export function readTimestamp(text: string): number | undefined {
  if (text.length !== 16 || !basic.test(text)) return undefined;
  const part = (from: number, to: number): number => Number(text.slice(from, to));
  const [month, day, hour, minute, second] = [part(4, 6), part(6, 8), part(9, 11), part(11, 13), part(13, 15)];
  if (hour > 23 || minute > 59 || second > 59) return undefined;
  const time = Date.UTC(part(0, 4), month - 1, day, hour, minute, second);
  // Date.UTC carries 31 June over into July.
  const date = new Date(time);
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === day ? time : undefined;
}

/** `YYYYMMDDTHHMMSSZ`. */
export function formatTimestamp(time: number): string {
  return new Date(time).toISOString().replace(/[-:]|\.\d{3}/g, '');
}

/** The header form: 15 minutes to either side. */
export function checkSkew(timestamp: string, time: number, now: number, flavour: Flavour): void {
  if (Math.abs(now - time) <= clockWindow) return;
  if (flavour === 's3') throw skewed(timestamp, now);
  throw new AuthError('ClockSkew', time < now ? tooOld(timestamp, now) : tooNew(timestamp, now));
}

/** The presigned form: from 15 minutes before its time until `expires` seconds after it. */
export function checkExpiry(timestamp: string, time: number, expires: number, now: number, flavour: Flavour): void {
  if (time - now > clockWindow) {
    if (flavour === 's3') throw new AuthError('Expired', 'Request is not yet valid');
    throw new AuthError('ClockSkew', tooNew(timestamp, now));
  }
  const end = time + expires * 1000;
  if (now <= end) return;
  if (flavour !== 's3') throw new AuthError('Expired', tooOld(timestamp, now));
  const details = { 'X-Amz-Expires': String(expires), Expires: iso(end), ServerTime: iso(now) };
  throw new AuthError('Expired', '', details);
}

function skewed(timestamp: string, now: number): AuthError {
  const details = { RequestTime: timestamp, ServerTime: iso(now), MaxAllowedSkewMilliseconds: String(clockWindow) };
  return new AuthError('ClockSkew', '', details);
}

function tooOld(timestamp: string, now: number): string {
  const edge = formatTimestamp(now - clockWindow);
  return `Signature expired: ${timestamp} is now earlier than ${edge} (${formatTimestamp(now)} - 15 min.)`;
}

function tooNew(timestamp: string, now: number): string {
  const edge = formatTimestamp(now + clockWindow);
  return `Signature not yet current: ${timestamp} is still later than ${edge} (${formatTimestamp(now)} + 15 min.)`;
}

function iso(time: number): string {
  return new Date(time).toISOString().replace(/\.\d{3}Z$/, 'Z');
}

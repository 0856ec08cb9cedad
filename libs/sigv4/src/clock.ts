import { AuthError, type Flavour } from './errors.js';

/** How far a request's time may lie from ours, in milliseconds. */
export const clockWindow = 15 * 60 * 1000;

/** Longest life of a presigned request, in seconds: one week. */
export const longestExpiry = 604_800;

const basic = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/;

/** Milliseconds of `YYYYMMDDTHHMMSSZ`; undefined when it is no such time. */
export function readTimestamp(text: string): number | undefined {
  const parts = basic.exec(text);
  if (!parts) return undefined;
  const [, year, month, day, hour, minute, second] = parts;
  const time = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  return Number.isNaN(time) || formatTimestamp(time) !== text ? undefined : time;
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

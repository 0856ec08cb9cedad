import { S3Error } from './s3-error.js';

const ADDRESS = /^\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}$/;
const LABEL = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/;
const RESERVED = /^(xn--|sthree-|amzn-s3-demo-)|(-s3alias|--ol-s3|\.mrap|--x-s3|--table-s3)$/;

/**
 * Checks a name against S3's rules for general purpose buckets.
 *
 * @throws {S3Error} InvalidBucketName
 */
export function checkBucketName(name: string): void {
  const fits = name.length >= 3 && name.length <= 63 && name.split('.').every((label) => LABEL.test(label));
  if (!fits || ADDRESS.test(name) || RESERVED.test(name)) {
    throw new S3Error('InvalidBucketName', undefined, { BucketName: name.slice(0, 255) });
  }
}

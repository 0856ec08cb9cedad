import type { DescribeKeyRequest, DescribeKeyResponse } from '@keystead/proto/kms';
import type { Operation } from '../execute.js';
import { keyMetadata } from '../key-metadata.js';

/** https://docs.aws.amazon.com/kms/latest/APIReference/API_DescribeKey.html */
export const describeKey: Operation<DescribeKeyRequest, DescribeKeyResponse> = {
  name: 'DescribeKey',
  async run(request, call) {
    const { key, current } = await call.use(request.keyId ?? '', { action: 'kms:DescribeKey' });
    return { keyMetadata: keyMetadata(key, current) };
  },
};

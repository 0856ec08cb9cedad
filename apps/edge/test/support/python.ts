import { execFileSync } from 'node:child_process';

const programs = {
  aws: ['aws', ['--version']],
  boto3: ['python3', ['-c', 'import boto3']],
  'aws-encryption-sdk': ['python3', ['-c', 'import aws_encryption_sdk, boto3, cryptography']],
} as const satisfies Record<string, readonly [string, readonly string[]]>;

/**
 * Why a client from Python is not here, or undefined when it is: they come by pip, not by npm. Throws the reason where
 * KEYSTEAD_REQUIRE_PYTHON=1 demands them, as .ci/run does (.ci/requirements.txt pins them).
 */
export function whyNo(client: keyof typeof programs): string | undefined {
  const [program, args] = programs[client];
  try {
    execFileSync(program, args, { stdio: 'ignore' });
    return undefined;
  } catch {
    const reason = `needs ${client}: pip install -r .ci/requirements.txt`;
    if (process.env['KEYSTEAD_REQUIRE_PYTHON'] === '1') throw new Error(`KEYSTEAD_REQUIRE_PYTHON=1, but it ${reason}`);
    return reason;
  }
}

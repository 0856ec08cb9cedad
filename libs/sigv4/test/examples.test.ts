import { describe, expect, test } from 'vitest';
import {
  ChunkedDecoder,
  ChunkSignatures,
  deriveSigningKey,
  readAuthentication,
  readTimestamp,
  type RawRequest,
  sha256Hex,
  verifySignature,
} from '../src/index.js';
import { failureOf, request } from './support.js';

// The examples of the Amazon S3 API reference ("Authenticating Requests (AWS Signature Version 4)") and of
// "Signature Version 4 test suite"; all under this published secret.
const secret = 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY';
const s3Time = readTimestamp('20130524T000000Z') as number;
const s3Expected = { flavour: 's3', services: ['s3'], regions: ['us-east-1'] } as const;
const s3Key = deriveSigningKey(secret, '20130524', 'us-east-1', 's3');
const host = ['Host', 'examplebucket.s3.amazonaws.com'] as const;
const date = ['x-amz-date', '20130524T000000Z'] as const;
const empty = ['x-amz-content-sha256', sha256Hex('')] as const;

function authorization(signedHeaders: string, signature: string): readonly [string, string] {
  const credential = 'AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request';
  return [
    'Authorization',
    `AWS4-HMAC-SHA256 Credential=${credential},SignedHeaders=${signedHeaders},Signature=${signature}`,
  ];
}

const s3: [name: string, request: RawRequest][] = [
  [
    'GET Object',
    request('GET', '/test.txt', [
      host,
      authorization(
        'host;range;x-amz-content-sha256;x-amz-date',
        'f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41',
      ),
      ['Range', 'bytes=0-9'],
      empty,
      date,
    ]),
  ],
  [
    'PUT Object',
    request('PUT', '/test$file.text', [
      host,
      ['Date', 'Fri, 24 May 2013 00:00:00 GMT'],
      authorization(
        'date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class',
        '98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd',
      ),
      ['x-amz-content-sha256', '44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072'],
      ['x-amz-storage-class', 'REDUCED_REDUNDANCY'],
      date,
    ]),
  ],
  [
    'GET Bucket Lifecycle',
    request('GET', '/?lifecycle', [
      host,
      authorization(
        'host;x-amz-content-sha256;x-amz-date',
        'fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543',
      ),
      empty,
      date,
    ]),
  ],
  [
    'List Objects',
    request('GET', '/?max-keys=2&prefix=J', [
      host,
      authorization(
        'host;x-amz-content-sha256;x-amz-date',
        '34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7',
      ),
      empty,
      date,
    ]),
  ],
  [
    'presigned GET',
    request(
      'GET',
      '/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404',
      [host],
    ),
  ],
];

describe('examples of the S3 reference', () => {
  for (const [name, raw] of s3) {
    test(name, () => {
      verifySignature(raw, readAuthentication(raw, s3Expected, s3Time), s3Key);
    });
  }
});

const chunkSignatures = [
  'ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648',
  '0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497',
  'b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9',
];
const trailerSignatures = [
  'b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2',
  '1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7',
  '2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992',
  'd81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435',
];

function seedRequest(sha: string, signedHeaders: string, signature: string, extra: [string, string][]): RawRequest {
  return request('PUT', '/examplebucket/chunkObject.txt', [
    ['Host', 's3.amazonaws.com'],
    date,
    ['x-amz-storage-class', 'REDUCED_REDUNDANCY'],
    authorization(signedHeaders, signature),
    ['x-amz-content-sha256', sha],
    ['Content-Encoding', 'aws-chunked'],
    ['x-amz-decoded-content-length', '66560'],
    ...extra,
  ]);
}

const data = [Buffer.alloc(65536, 'a'), Buffer.alloc(1024, 'a'), Buffer.alloc(0)];

function chunks(signatures: readonly string[]): Buffer[] {
  return data.flatMap((piece, at) => [
    Buffer.from(`${piece.length.toString(16)};chunk-signature=${signatures[at] as string}\r\n`),
    ...(piece.length > 0 ? [piece, Buffer.from('\r\n')] : []),
  ]);
}

describe('chunked uploads of the S3 reference', () => {
  const plain = seedRequest(
    'STREAMING-AWS4-HMAC-SHA256-PAYLOAD',
    'content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class',
    '4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9',
    [['Content-Length', '66824']],
  );
  const withTrailer = seedRequest(
    'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER',
    'content-encoding;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class;x-amz-trailer',
    '106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e',
    [['x-amz-trailer', 'x-amz-checksum-crc32c']],
  );

  function decoder(raw: RawRequest, trailer: boolean): ChunkedDecoder {
    const auth = readAuthentication(raw, s3Expected, s3Time);
    verifySignature(raw, auth, s3Key);
    return new ChunkedDecoder({ signatures: new ChunkSignatures(auth, s3Key), trailer, decodedLength: 66560 });
  }

  test('signed chunks', () => {
    const body = Buffer.concat([...chunks(chunkSignatures), Buffer.from('\r\n')]);
    const read = decoder(plain, false);
    expect(Buffer.concat(read.push(body))).toEqual(Buffer.concat(data));
    expect(read.end().size).toBe(0);
  });

  test('a signed trailer', () => {
    const trailer = `x-amz-checksum-crc32c:sOO8/Q==\r\nx-amz-trailer-signature:${trailerSignatures[3] as string}\r\n\r\n`;
    const body = Buffer.concat([...chunks(trailerSignatures), Buffer.from(trailer)]);
    const read = decoder(withTrailer, true);
    expect(Buffer.concat(read.push(body))).toEqual(Buffer.concat(data));
    expect(read.end().get('x-amz-checksum-crc32c')).toBe('sOO8/Q==');
  });

  test('a changed byte, signature, order or trailer is refused', () => {
    const body = Buffer.concat([...chunks(chunkSignatures), Buffer.from('\r\n')]);
    const changed = Buffer.from(body);
    changed[200] = 0x62;
    expect(failureOf(() => decoder(plain, false).push(changed))).toBe('SignatureMismatch');
    const swapped = Buffer.concat(chunks([chunkSignatures[1] as string, chunkSignatures[0] as string]));
    expect(failureOf(() => decoder(plain, false).push(swapped))).toBe('SignatureMismatch');
    const forged = `x-amz-checksum-crc32c:AAAAAA==\r\nx-amz-trailer-signature:${trailerSignatures[3] as string}\r\n\r\n`;
    const read = decoder(withTrailer, true);
    read.push(Buffer.concat([...chunks(trailerSignatures), Buffer.from(forged)]));
    expect(failureOf(() => read.end())).toBe('SignatureMismatch');
  });

  test('without its signature a trailer is refused', () => {
    const read = decoder(withTrailer, true);
    read.push(Buffer.concat([...chunks(trailerSignatures), Buffer.from('x-amz-checksum-crc32c:sOO8/Q==\r\n\r\n')]));
    expect(failureOf(() => read.end())).toBe('MalformedTrailer');
  });
});

test('the signing key of the IAM user guide', () => {
  expect(deriveSigningKey(secret, '20150830', 'us-east-1', 'iam').toString('hex')).toBe(
    '2c94c0cf5378ada6887f09bb697df8fc0affdb34ba1cdd5bda32b664bd55b73c',
  );
});

// get-vanilla-query-order-key-case, post-x-www-form-urlencoded, get-header-value-trim of the test suite.
const suite: [
  name: string,
  signature: string,
  raw: (auth: (s: string) => [string, string]) => RawRequest,
  body: string,
][] = [
  [
    'get-vanilla',
    '5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31',
    (auth) =>
      request('GET', '/', [
        ['Host', 'example.amazonaws.com'],
        ['X-Amz-Date', '20150830T123600Z'],
        auth('host;x-amz-date'),
      ]),
    '',
  ],
  [
    'get-vanilla-query-order-key-case',
    'b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500',
    (auth) =>
      request('GET', '/?Param2=value2&Param1=value1', [
        ['Host', 'example.amazonaws.com'],
        ['X-Amz-Date', '20150830T123600Z'],
        auth('host;x-amz-date'),
      ]),
    '',
  ],
  [
    'post-x-www-form-urlencoded',
    'ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a',
    (auth) =>
      request('POST', '/', [
        ['Content-Type', 'application/x-www-form-urlencoded'],
        ['Host', 'example.amazonaws.com'],
        ['X-Amz-Date', '20150830T123600Z'],
        auth('content-type;host;x-amz-date'),
      ]),
    'Param1=value1',
  ],
];

describe("AWS's test suite", () => {
  // The suite writes the secret with `+` where the guides have `/`.
  const key = deriveSigningKey(secret.replace('MDENG/', 'MDENG+'), '20150830', 'us-east-1', 'service');
  for (const [name, signature, make, body] of suite) {
    test(name, () => {
      const raw = make((signed) => [
        'Authorization',
        `AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=${signed}, Signature=${signature}`,
      ]);
      const expected = { flavour: 'query', services: ['service'], regions: ['us-east-1'] } as const;
      const auth = readAuthentication(raw, expected, readTimestamp('20150830T123600Z') as number);
      verifySignature(raw, auth, key, sha256Hex(body));
    });
  }
});

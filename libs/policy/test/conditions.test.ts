import { describe, expect, test } from 'vitest';
import { compilePolicy, conditionsHold, contextValues, PolicyError, type ContextRecord } from '../src/index.js';

function holds(condition: unknown, record: ContextRecord, version = '2012-10-17'): boolean {
  const document = {
    Version: version,
    Statement: { Effect: 'Allow', Action: '*', Resource: '*', Condition: condition },
  };
  const policy = compilePolicy(JSON.stringify(document), { kind: 'identity', name: 'p' });
  return policy
    .statementsFor('kms:Encrypt', 'Allow')
    .every((statement) => conditionsHold(statement, contextValues(record)));
}

const source = { 'aws:SourceIp': '10.1.2.3', 'aws:username': 'alice', 'aws:userid': 'AIDA1' };

describe('single values', () => {
  test.each([
    [{ StringEquals: { 'aws:username': ['bob', 'alice'] } }, true],
    [{ StringEquals: { 'AWS:UserName': 'Alice' } }, false],
    [{ StringEqualsIgnoreCase: { 'aws:username': 'ALICE' } }, true],
    [{ StringNotEquals: { 'aws:username': ['bob', 'alice'] } }, false],
    [{ StringNotEqualsIgnoreCase: { 'aws:username': 'carol' } }, true],
    [{ StringLike: { 'aws:username': 'a*e' } }, true],
    [{ StringEquals: { 'aws:username': 'a*e' } }, false],
    [{ StringNotLike: { 'aws:username': '?lice' } }, false],
    [{ IpAddress: { 'aws:SourceIp': ['192.168.0.0/16', '10.0.0.0/8'] } }, true],
    [{ NotIpAddress: { 'aws:SourceIp': '10.0.0.0/8' } }, false],
    [{ Bool: { 'aws:SecureTransport': false } }, false],
    [{ Null: { 'aws:SecureTransport': 'true' } }, true],
    [{ Null: { 'aws:username': 'true' } }, false],
  ])('%j is %s', (condition, expected) => {
    expect(holds(condition, source)).toBe(expected);
  });

  test('every operator and every key must hold', () => {
    expect(holds({ StringEquals: { 'aws:username': 'alice', 'aws:userid': 'AIDA2' } }, source)).toBe(false);
    expect(holds({ StringEquals: { 'aws:username': 'alice' }, Bool: { 'aws:SecureTransport': 'true' } }, source)).toBe(
      false,
    );
  });

  test.each([
    ['NumericLessThan', '9', true],
    ['NumericLessThanEquals', '8', true],
    ['NumericGreaterThan', '8', false],
    ['NumericGreaterThanEquals', '8.0', true],
    ['NumericEquals', '8', true],
    ['NumericNotEquals', '8', false],
  ])('%s %s', (operator, wanted, expected) => {
    expect(holds({ [operator]: { 'kms:RotationPeriodInDays': wanted } }, { 'kms:RotationPeriodInDays': '8' })).toBe(
      expected,
    );
  });

  test.each([
    ['DateLessThan', '2026-12-01T00:00:00Z', true],
    ['DateGreaterThan', '2026-12-01', false],
    ['DateGreaterThanEquals', '1700000000', true],
    ['DateNotEquals', '2026-11-22T10:00:00Z', false],
  ])('%s %s', (operator, wanted, expected) => {
    expect(
      holds({ [operator]: { 'aws:CurrentTime': wanted } }, { 'aws:CurrentTime': '2026-11-22T10:00:00.000Z' }),
    ).toBe(expected);
  });

  test.each([
    ['arn:aws:iam::111122223333:user/*', true],
    ['arn:aws:iam::*:user/team/alice', true],
    // A wildcard of ArnLike stays inside its part.
    ['arn:aws:*:user/team/alice', false],
  ])('ArnLike %s', (wanted, expected) => {
    const record = { 'aws:PrincipalArn': 'arn:aws:iam::111122223333:user/team/alice' };
    expect(holds({ ArnLike: { 'aws:PrincipalArn': wanted } }, record)).toBe(expected);
    expect(holds({ ArnEquals: { 'aws:PrincipalArn': wanted } }, record)).toBe(expected);
    expect(holds({ ArnNotLike: { 'aws:PrincipalArn': wanted } }, record)).toBe(!expected);
  });
});

describe('formats of values', () => {
  const ip = 'aws:SourceIp';
  test.each([
    ['10.1.2.3', '10.1.2.3', true],
    ['10.1.2.3', '10.1.2.3/32', true],
    ['10.1.2.3', '10.1.2.0/30', true],
    ['10.1.2.4', '10.1.2.0/30', false],
    ['10.1.2.3', '0.0.0.0/0', true],
    ['10.1.2.3', '10.1.255.255/16', true],
    ['2001:db8::1', '2001:db8::/32', true],
    ['2001:db8:0:0:0:0:0:1', '2001:DB8::1', true],
    ['2001:db9::1', '2001:db8::/31', true],
    ['2001:dba::1', '2001:db8::/31', false],
    ['::1', '::/0', true],
    ['10.1.2.3', '::/0', false],
    ['::1', '0.0.0.0/0', false],
    ['::ffff:10.1.2.3', '10.0.0.0/8', true],
    ['10.1.2.3', '::ffff:10.1.2.3', true],
    ['1::2:3', '1:0:0:0:0:0:2:3/128', true],
    ['64:ff9b::10.1.2.3', '64:ff9b::/96', true],
    ['s3.amazonaws.com', '0.0.0.0/0', false],
    ['', '0.0.0.0/0', false],
    ['fe80::1%eth0', 'fe80::/10', false],
  ])('the address %s in %s: %s', (given, range, expected) => {
    expect(holds({ IpAddress: { [ip]: range } }, { [ip]: given })).toBe(expected);
    expect(holds({ NotIpAddress: { [ip]: range } }, { [ip]: given })).toBe(!expected);
  });

  test.each([
    ['2026-03-01', '2026-03-01T00:00:00Z'],
    ['2026-03', '2026-03-01T00:00:00Z'],
    ['2026-03-01t10:20z', '2026-03-01T10:20:00Z'],
    ['2026-03-01T10:20', '2026-03-01T10:20:00Z'],
    ['2026-03-01T10:20:30', '2026-03-01T10:20:30Z'],
    ['2026-03-01T10:20:30.500', '2026-03-01T10:20:30.5Z'],
    ['2026-03-01T10:20+0200', '2026-03-01T08:20:00Z'],
    ['2026-03-01T10:20:30.5-01', '2026-03-01T11:20:30.500Z'],
    ['1772360430', '2026-03-01T10:20:30Z'],
  ])('the date %s is %s, wherever this runs', (wanted, given) => {
    expect(holds({ DateEquals: { 'aws:CurrentTime': wanted } }, { 'aws:CurrentTime': given })).toBe(true);
    expect(holds({ DateEquals: { 'aws:CurrentTime': given } }, { 'aws:CurrentTime': wanted })).toBe(true);
  });

  test.each(['2026-3-1', '2026-03-01 10:20', '2026-03-01T10', '2026-13-01', '01T', '2026-03-01T10:20:30+2'])(
    'the date %s is none',
    (wanted) => {
      expect(() => holds({ DateEquals: { 'aws:CurrentTime': wanted } }, {})).toThrow(PolicyError);
    },
  );

  test.each(['10.0.0.0/33', '::/129', '10.0.0.0/', '10.0.0.0/-1', '10.0.0.0/8/8', '10.0.0', '10.0.0.0/1e1', 'x'])(
    'the range %s is refused',
    (range) => {
      expect(() => holds({ IpAddress: { [ip]: range } }, {})).toThrow(PolicyError);
    },
  );

  test.each([
    ['2026-11-22T10:00:00Z', true],
    ['2026-11-22T12:00:00+02:00', true],
    ['2026-11-22T10:00Z', true],
    ['2026-11-22T10:00:00.000Z', true],
    ['1795341600', true],
    ['2026-11-22', false],
  ])('the moment %s', (wanted, expected) => {
    const time = 'aws:CurrentTime';
    expect(holds({ DateEquals: { [time]: wanted } }, { [time]: '2026-11-22T10:00:00Z' })).toBe(expected);
    expect(holds({ DateEquals: { 'aws:EpochTime': wanted } }, { 'aws:EpochTime': '1795341600' })).toBe(expected);
    expect(holds({ DateNotEquals: { [time]: wanted } }, { [time]: '2026-11-22T10:00:00Z' })).toBe(!expected);
  });

  test.each([
    ['90', '90.0', true],
    ['90', '9e1', true],
    ['-1', '-1', true],
    ['0.5', '.5', true],
    ['90', '91', false],
    ['ninety', '90', false],
  ])('the number %s is %s: %s', (given, wanted, expected) => {
    const days = 'kms:RotationPeriodInDays';
    expect(holds({ NumericEquals: { [days]: wanted } }, { [days]: given })).toBe(expected);
    expect(holds({ NumericNotEquals: { [days]: wanted } }, { [days]: given })).toBe(!expected);
  });

  test.each([
    [{ Bool: { 'aws:SecureTransport': 'TRUE' } }, { 'aws:SecureTransport': 'true' }, true],
    [{ Bool: { 'aws:SecureTransport': ['false', 'true'] } }, { 'aws:SecureTransport': 'true' }, true],
    [{ Bool: { 'aws:SecureTransport': 'false' } }, { 'aws:SecureTransport': 'x' }, false],
    [{ BinaryEquals: { 'ec2:x': 'AAEC' } }, { 'ec2:x': 'AAEC' }, true],
    [{ BinaryEquals: { 'ec2:x': 'AAEC' } }, { 'ec2:x': 'AAED' }, false],
    [{ Null: { 'aws:username': ['true', 'false'] } }, {}, true],
    [{ StringEquals: { 'aws:PrincipalOrgID': 'o-1' } }, {}, false],
    [{ StringNotEquals: { 'aws:PrincipalOrgID': 'o-1' } }, {}, true],
  ])('%j of %j: %s', (condition, record, expected) => {
    expect(holds(condition, record)).toBe(expected);
  });
});

describe('a key that the request does not have', () => {
  test.each([
    [{ StringEquals: { 'aws:username': 'a' } }, false],
    [{ StringNotEquals: { 'aws:username': 'a' } }, true],
    [{ StringEqualsIfExists: { 'aws:username': 'a' } }, true],
    [{ 'ForAllValues:StringEquals': { 'aws:TagKeys': 'a' } }, true],
    [{ 'ForAnyValue:StringEquals': { 'aws:TagKeys': 'a' } }, false],
    [{ 'ForAnyValue:StringNotEquals': { 'aws:TagKeys': 'a' } }, false],
    [{ NotIpAddress: { 'aws:SourceIp': '10.0.0.0/8' } }, true],
  ])('%j is %s', (condition, expected) => {
    expect(holds(condition, {})).toBe(expected);
  });
});

describe('several values', () => {
  const tags = { 'aws:TagKeys': ['a', 'b'] };
  test.each([
    [{ 'ForAllValues:StringEquals': { 'aws:TagKeys': ['a', 'b', 'c'] } }, true],
    [{ 'ForAllValues:StringEquals': { 'aws:TagKeys': ['a'] } }, false],
    [{ 'ForAnyValue:StringEquals': { 'aws:TagKeys': ['b', 'c'] } }, true],
    [{ 'ForAnyValue:StringEquals': { 'aws:TagKeys': ['c'] } }, false],
    [{ 'ForAnyValue:StringNotEquals': { 'aws:TagKeys': ['a'] } }, true],
    [{ 'ForAllValues:StringNotEquals': { 'aws:TagKeys': ['a'] } }, false],
    [{ 'ForAllValues:StringNotEquals': { 'aws:TagKeys': ['c'] } }, true],
  ])('%j is %s', (condition, expected) => {
    expect(holds(condition, tags)).toBe(expected);
  });
});

describe('policy variables', () => {
  test('take the value of a key, and of its default', () => {
    const condition = { StringEquals: { 'kms:EncryptionContext:owner': '${aws:username}' } };
    expect(holds(condition, { 'kms:EncryptionContext:owner': 'alice', 'aws:username': 'alice' })).toBe(true);
    expect(holds(condition, { 'kms:EncryptionContext:owner': 'alice', 'aws:username': 'bob' })).toBe(false);
    const fallback = { StringEquals: { 'kms:EncryptionContext:owner': "${aws:PrincipalTag/team, 'none'}" } };
    expect(holds(fallback, { 'kms:EncryptionContext:owner': 'none' })).toBe(true);
  });

  test('without a value are like nothing: only a negated operator holds', () => {
    const team = '${aws:PrincipalTag/team}';
    const alice = { 'aws:username': 'alice' };
    expect(holds({ StringEquals: { 'aws:username': team } }, alice)).toBe(false);
    expect(holds({ StringLike: { 'aws:username': `*${team}*` } }, alice)).toBe(false);
    expect(holds({ StringNotEquals: { 'aws:username': team } }, alice)).toBe(true);
    expect(holds({ StringNotLike: { 'aws:username': `*${team}*` } }, alice)).toBe(true);
    expect(holds({ StringEquals: { 'aws:username': [team, 'alice'] } }, alice)).toBe(true);
  });

  test('a value never brings wildcards of its own', () => {
    const condition = { StringLike: { 'kms:EncryptionContext:owner': '${aws:username}' } };
    expect(holds(condition, { 'kms:EncryptionContext:owner': 'alice', 'aws:username': '*' })).toBe(false);
  });

  test('are literal text in the old version, and ${*} is a star', () => {
    expect(
      holds({ StringEquals: { 'aws:username': '${aws:userid}' } }, { 'aws:username': '${aws:userid}' }, '2008-10-17'),
    ).toBe(true);
    expect(holds({ StringLike: { 'aws:username': 'a${*}' } }, { 'aws:username': 'ab' })).toBe(false);
    expect(holds({ StringLike: { 'aws:username': 'a${*}' } }, { 'aws:username': 'a*' })).toBe(true);
  });
});

describe('what cannot be evaluated is refused when it is written', () => {
  test.each([
    [{ StringMatches: { 'aws:username': 'a' } }],
    [{ 'ForSomeValues:StringEquals': { 'aws:username': 'a' } }],
    [{ StringEquals: { 'aws:Referer': 'https://example.com/' } }],
    [{ StringEquals: { 'kms:NoSuchKey': '30' } }],
    [{ IpAddress: { 'aws:SourceIp': '10.0.0.0/33' } }],
    [{ Bool: { 'aws:SecureTransport': 'yes' } }],
    [{ NumericEquals: { 'kms:RotationPeriodInDays': 'x' } }],
    [{ DateLessThan: { 'aws:CurrentTime': 'tomorrow' } }],
    [{ StringEquals: 'aws:username' }],
    [{ StringEquals: { 'aws:username': { a: 1 } } }],
    [[]],
  ])('%j', (condition) => {
    expect(() => holds(condition, {})).toThrow(PolicyError);
  });
});

describe('what nothing here could bring has no value, as at AWS', () => {
  test.each([
    ['aws:SourceVpce', 'vpce-1'],
    ['aws:VpceOrgPaths', 'o-1/r-1/*'],
    ['s3:DataAccessPointAccount', '111122223333'],
    ['s3:ExistingObjectTag/team', 'blue'],
    ['sts:RequestContext/identitystore:UserId', 'x'],
    ['iam:RegisterSecurityKey', 'CREATE'],
    ['ec2:InstanceType', 't3.micro'],
    ['username', 'alice'],
  ])('%s', (key, value) => {
    expect(holds({ StringLike: { [key]: value } }, {})).toBe(false);
    expect(holds({ StringNotLike: { [key]: value } }, {})).toBe(true);
    expect(holds({ Null: { [key]: 'true' } }, {})).toBe(true);
  });
});

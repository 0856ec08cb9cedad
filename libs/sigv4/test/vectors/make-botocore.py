"""Writes botocore.json: requests signed by botocore, an implementation that shares nothing with ours.

Run by hand when a case is added: python3 make-botocore.py > botocore.json
"""
import datetime
import json
import sys

import botocore
import botocore.auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

NOW = datetime.datetime(2026, 11, 22, 18, 0, 0)
SECRET = 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY'


class Fixed(datetime.datetime):
    @classmethod
    def utcnow(cls):
        return NOW

    @classmethod
    def now(cls, tz=None):
        return NOW.replace(tzinfo=tz)


botocore.auth.datetime.datetime = Fixed
if hasattr(botocore.auth, 'get_current_datetime'):
    botocore.auth.get_current_datetime = lambda remove_tzinfo=True: NOW


def case(name, signer, service, method, url, headers=None, body=b'', token=None, expires=None):
    credentials = Credentials('AKIDEXAMPLE', SECRET, token)
    args = [credentials, service, 'us-east-1']
    if expires:
        args.append(expires)
    request = AWSRequest(method=method, url=url, headers=headers or {}, data=body)
    if service == 's3':
        request.context['client_config'] = None
    getattr(botocore.auth, signer)(*args).add_auth(request)
    prepared = request.prepare()
    host = prepared.url.split('/')[2]
    sent = [['Host', host]] + [[k, v.decode() if isinstance(v, bytes) else v] for k, v in prepared.headers.items()]
    return {
        'name': name,
        'service': service,
        'method': method,
        'target': prepared.url.split(host, 1)[1],
        'headers': sent,
        'body': body.decode(),
    }


JSON = {'Content-Type': 'application/x-amz-json-1.1', 'X-Amz-Target': 'TrentService.ListKeys'}
FORM = {'Content-Type': 'application/x-www-form-urlencoded; charset=utf-8'}
LOCAL = 'http://127.0.0.1:4566'
cases = [
    case('kms list keys', 'SigV4Auth', 'kms', 'POST', LOCAL + '/', JSON, b'{}'),
    case('kms with session token', 'SigV4Auth', 'kms', 'POST', LOCAL + '/', JSON, b'{"Limit":1}', token='FwoGZXIvYXdzEBY='),
    case('iam form', 'SigV4Auth', 'iam', 'POST', LOCAL + '/', FORM, b'Action=ListUsers&Version=2010-05-08'),
    case('header with runs of spaces', 'SigV4Auth', 'kms', 'POST', LOCAL + '/', {**JSON, 'X-Amz-Meta': 'a   b \t c'}, b'{}'),
    case('path encoded twice', 'SigV4Auth', 'execute-api', 'GET', LOCAL + '/a%20b/%C3%A9/c'),
    case('path normalized', 'SigV4Auth', 'execute-api', 'GET', LOCAL + '/a/./b/../c//d/'),
    case('query sorted', 'SigV4Auth', 'execute-api', 'GET', LOCAL + '/?b=2&a=2&a=1&c&~=%2B&A=x%20y'),
    case('sts presigned', 'SigV4QueryAuth', 'sts', 'GET', LOCAL + '/?Action=GetCallerIdentity&Version=2011-06-15', expires=60),
    case('s3 get', 'S3SigV4Auth', 's3', 'GET', LOCAL + '/bucket/a%20b//c/./d%2Be%28f%29~%C3%A9'),
    case('s3 put', 'S3SigV4Auth', 's3', 'PUT', LOCAL + '/bucket/key', {'X-Amz-Server-Side-Encryption': 'aws:kms'}, b'hello'),
    case('s3 subresource', 'S3SigV4Auth', 's3', 'POST', LOCAL + '/bucket/key?uploads'),
    case('s3 list', 'S3SigV4Auth', 's3', 'GET', LOCAL + '/bucket?list-type=2&prefix=a%2Fb%20c&delimiter=%2F'),
    case('s3 presigned get', 'S3SigV4QueryAuth', 's3', 'GET', LOCAL + '/bucket/a%20b', expires=3600),
    case('s3 presigned put with headers', 'S3SigV4QueryAuth', 's3', 'PUT', LOCAL + '/bucket/key', {'X-Amz-Server-Side-Encryption': 'aws:kms'}, expires=604800),
    case('s3 presigned with token', 'S3SigV4QueryAuth', 's3', 'GET', LOCAL + '/bucket/key?versionId=1', token='to/ken+=', expires=1),
]
json.dump({'botocore': botocore.__version__, 'now': '20261122T180000Z', 'secret': SECRET, 'cases': cases}, sys.stdout, indent=2)
print()

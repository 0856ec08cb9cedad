"""boto3 as a client of a running system: IAM, STS, KMS and CloudTrail, as their documentation has them.

The environment names the endpoint and the administrator's key. Prints one line for each part that went as it should; the
first thing that did not ends it with a traceback.
"""

import json
import time

import boto3
from botocore.exceptions import ClientError


def refused(call, *codes, **arguments):
    try:
        call(**arguments)
    except ClientError as error:
        assert error.response["Error"]["Code"] in codes, error
        return error.response["Error"]["Message"]
    raise AssertionError(f"{call.__name__} was not refused with {codes}")


def document(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def session_of(key):
    return boto3.Session(aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"])


def people():
    iam = boto3.client("iam")
    iam.create_user(UserName="carol", Path="/team/", Tags=[{"Key": "team", "Value": "blue"}])
    iam.create_group(GroupName="sealers")
    iam.add_user_to_group(GroupName="sealers", UserName="carol")
    rights = {"Effect": "Allow", "Action": ["kms:Encrypt", "kms:Decrypt", "kms:DescribeKey"], "Resource": "*"}
    iam.put_group_policy(GroupName="sealers", PolicyName="seal", PolicyDocument=document(rights))
    # botocore decodes documents itself.
    read = iam.get_group_policy(GroupName="sealers", PolicyName="seal")["PolicyDocument"]
    assert read["Statement"] == [rights], read
    names = [user["UserName"] for page in iam.get_paginator("list_users").paginate() for user in page["Users"]]
    assert names == ["administrator", "carol"], names
    refused(iam.create_user, "EntityAlreadyExists", UserName="CAROL")
    refused(iam.get_user, "NoSuchEntity", UserName="nobody")
    refused(iam.put_user_policy, "MalformedPolicyDocument", UserName="carol", PolicyName="p", PolicyDocument="{}")
    key = iam.create_access_key(UserName="carol")["AccessKey"]
    carol = session_of(key)
    identity = carol.client("sts").get_caller_identity()
    assert identity["Arn"] == "arn:aws:iam::000000000000:user/team/carol", identity
    sentence = refused(carol.client("iam").list_users, "AccessDenied")
    assert sentence.endswith("because no identity-based policy allows the iam:ListUsers action"), sentence
    print("people")
    return carol, key


def keys(carol):
    kms = boto3.client("kms")
    key = kms.create_key(Description="from boto3", Tags=[{"TagKey": "a", "TagValue": "b"}])["KeyMetadata"]
    kms.create_alias(AliasName="alias/boto3", TargetKeyId=key["KeyId"])
    hers = carol.client("kms")
    context = {"order": "1", "grüße": "€"}
    sealed = hers.encrypt(KeyId="alias/boto3", Plaintext=b"hello", EncryptionContext=context)
    opened = hers.decrypt(CiphertextBlob=sealed["CiphertextBlob"], EncryptionContext=context)
    assert opened["Plaintext"] == b"hello" and opened["KeyId"] == key["Arn"]
    refused(hers.decrypt, "InvalidCiphertextException", CiphertextBlob=sealed["CiphertextBlob"])
    sentence = refused(hers.disable_key, "AccessDeniedException", KeyId=key["KeyId"])
    assert sentence.endswith("because no identity-based policy allows the kms:DisableKey action"), sentence
    signer = kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["KeyId"]
    ask = {"KeyId": signer, "Message": b"m", "MessageType": "RAW", "SigningAlgorithm": "ECDSA_SHA_256"}
    assert kms.verify(**ask, Signature=kms.sign(**ask)["Signature"])["SignatureValid"] is True
    aliases = [one["AliasName"] for page in kms.get_paginator("list_aliases").paginate() for one in page["Aliases"]]
    assert "alias/boto3" in aliases, aliases
    print("keys")


def insight(carol):
    iam = boto3.client("iam")
    simulated = iam.simulate_principal_policy(
        PolicySourceArn="arn:aws:iam::000000000000:user/team/carol",
        ActionNames=["kms:Encrypt", "kms:DisableKey"],
    )["EvaluationResults"]
    assert [one["EvalDecision"] for one in simulated] == ["allowed", "implicitDeny"], simulated
    assert simulated[0]["MatchedStatements"][0]["SourcePolicyId"] == "group_sealers_seal", simulated
    assert simulated[1]["MatchedStatements"] == [] and simulated[1]["MissingContextValues"] == [], simulated
    users = iam.get_account_authorization_details(Filter=["User"])["UserDetailList"]
    assert [user["GroupList"] for user in users if user["UserName"] == "carol"] == [["sealers"]], users
    trail = boto3.client("cloudtrail")
    wanted = [{"AttributeKey": "Username", "AttributeValue": "carol"}]
    for _ in range(50):
        names = {event["EventName"] for event in trail.lookup_events(LookupAttributes=wanted)["Events"]}
        if {"Encrypt", "Decrypt", "DisableKey"} <= names:
            break
        time.sleep(0.1)
    else:
        raise AssertionError(names)
    print("insight")


def goodbye(carol, key):
    iam = boto3.client("iam")
    iam.update_access_key(UserName="carol", AccessKeyId=key["AccessKeyId"], Status="Inactive")
    refused(carol.client("sts").get_caller_identity, "InvalidClientTokenId")
    refused(iam.delete_user, "DeleteConflict", UserName="carol")
    iam.delete_access_key(UserName="carol", AccessKeyId=key["AccessKeyId"])
    iam.remove_user_from_group(GroupName="sealers", UserName="carol")
    iam.delete_user(UserName="carol")
    iam.delete_group_policy(GroupName="sealers", PolicyName="seal")
    iam.delete_group(GroupName="sealers")
    print("goodbye")


carol, key = people()
keys(carol)
insight(carol)
goodbye(carol, key)

"""boto3 calls every operation of IAM and STS once or more, with the answer parsed as its model says.

The environment names the endpoint and the administrator's key. Prints the names of the operations that were called, as
JSON; an answer that botocore cannot read ends it with a traceback.
"""

import json

import boto3
from botocore.exceptions import ClientError

called = {"iam": set(), "sts": set()}


def client(service, session=boto3.Session()):
    made = session.client(service)
    made.meta.events.register(
        f"after-call.{service}.*", lambda model, **_: called[service].add(model.name)
    )
    return made


def refused(call, code, **arguments):
    try:
        call(**arguments)
    except ClientError as error:
        assert error.response["Error"]["Code"] == code, error
        return
    raise AssertionError(f"{call.__name__} was not refused with {code}")


def document(**statement):
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]})


iam = client("iam")
sts = client("sts")
account = sts.get_caller_identity()["Account"]
tags = [{"Key": "team", "Value": "blue"}]
rights = document(Action=["kms:*", "sts:*"], Resource="*")
trust = document(Action=["sts:AssumeRole", "sts:TagSession"], Principal={"AWS": account})


def tagged(kind, **named):
    """Tags, lists and untags; the names of these operations follow from the kind."""
    snake = {"User": "user", "Role": "role", "Policy": "policy", "InstanceProfile": "instance_profile"}
    name = snake.get(kind, "open_id_connect_provider")
    getattr(iam, f"tag_{name}")(**named, Tags=tags)
    listed = getattr(iam, f"list_{name}_tags")(**named)
    assert listed["Tags"] == tags and listed["IsTruncated"] is False, listed
    getattr(iam, f"untag_{name}")(**named, TagKeys=["team"])
    assert getattr(iam, f"list_{name}_tags")(**named)["Tags"] == []


def with_policies(kind, name):
    """Inline and attached policies of a user, group or role."""
    named = {f"{kind.capitalize()}Name": name}
    inline = {**named, "PolicyName": "inline"}
    getattr(iam, f"put_{kind}_policy")(**inline, PolicyDocument=rights)
    assert getattr(iam, f"get_{kind}_policy")(**inline)["PolicyDocument"] == json.loads(rights)
    assert getattr(iam, f"list_{kind}_policies")(**named)["PolicyNames"] == ["inline"]
    getattr(iam, f"delete_{kind}_policy")(**inline)
    getattr(iam, f"attach_{kind}_policy")(**named, PolicyArn=policy_arn)
    attached = getattr(iam, f"list_attached_{kind}_policies")(**named)["AttachedPolicies"]
    assert [one["PolicyArn"] for one in attached] == [policy_arn], attached
    held = iam.list_entities_for_policy(PolicyArn=policy_arn)
    assert len(held[f"Policy{kind.capitalize()}s"]) == 1, held
    getattr(iam, f"detach_{kind}_policy")(**named, PolicyArn=policy_arn)


# Managed policies and their versions.
policy_arn = iam.create_policy(PolicyName="P", PolicyDocument=rights, Description="d")["Policy"]["Arn"]
assert iam.get_policy(PolicyArn=policy_arn)["Policy"]["Description"] == "d"
assert len(iam.list_policies(Scope="Local")["Policies"]) == 1
version = iam.create_policy_version(PolicyArn=policy_arn, PolicyDocument=rights)["PolicyVersion"]["VersionId"]
read = iam.get_policy_version(PolicyArn=policy_arn, VersionId=version)["PolicyVersion"]
assert read["Document"] == json.loads(rights) and read["IsDefaultVersion"] is False, read
iam.set_default_policy_version(PolicyArn=policy_arn, VersionId=version)
iam.delete_policy_version(PolicyArn=policy_arn, VersionId="v1")
assert [one["VersionId"] for one in iam.list_policy_versions(PolicyArn=policy_arn)["Versions"]] == [version]
tagged("Policy", PolicyArn=policy_arn)

# Users, their keys and boundaries; groups.
iam.create_user(UserName="u", Path="/team/")
iam.update_user(UserName="u", NewUserName="user")
assert iam.get_user(UserName="user")["User"]["Path"] == "/team/"
assert [one["UserName"] for one in iam.list_users(PathPrefix="/team/")["Users"]] == ["user"]
tagged("User", UserName="user")
with_policies("user", "user")
iam.put_user_permissions_boundary(UserName="user", PermissionsBoundary=policy_arn)
iam.delete_user_permissions_boundary(UserName="user")
key = iam.create_access_key(UserName="user")["AccessKey"]
assert iam.get_access_key_last_used(AccessKeyId=key["AccessKeyId"])["UserName"] == "user"
assert len(iam.list_access_keys(UserName="user")["AccessKeyMetadata"]) == 1
iam.update_access_key(UserName="user", AccessKeyId=key["AccessKeyId"], Status="Inactive")
iam.delete_access_key(UserName="user", AccessKeyId=key["AccessKeyId"])
iam.create_group(GroupName="g")
iam.update_group(GroupName="g", NewGroupName="group")
with_policies("group", "group")
iam.add_user_to_group(GroupName="group", UserName="user")
assert len(iam.get_group(GroupName="group")["Users"]) == 1
assert len(iam.list_groups()["Groups"]) == len(iam.list_groups_for_user(UserName="user")["Groups"]) == 1
iam.remove_user_from_group(GroupName="group", UserName="user")

# Roles, instance profiles, service-linked roles.
role = iam.create_role(RoleName="role", AssumeRolePolicyDocument=trust)["Role"]
assert role["AssumeRolePolicyDocument"] == json.loads(trust), role
assert iam.update_role(RoleName="role", MaxSessionDuration=7200)["ResponseMetadata"]["HTTPStatusCode"] == 200
assert iam.update_role_description(RoleName="role", Description="d")["Role"]["Description"] == "d"
iam.update_assume_role_policy(RoleName="role", PolicyDocument=trust)
assert iam.get_role(RoleName="role")["Role"]["MaxSessionDuration"] == 7200
assert [one["RoleName"] for one in iam.list_roles()["Roles"]] == ["role"]
tagged("Role", RoleName="role")
with_policies("role", "role")
iam.put_role_permissions_boundary(RoleName="role", PermissionsBoundary=policy_arn)
iam.delete_role_permissions_boundary(RoleName="role")
iam.create_instance_profile(InstanceProfileName="profile")
tagged("InstanceProfile", InstanceProfileName="profile")
iam.add_role_to_instance_profile(InstanceProfileName="profile", RoleName="role")
assert len(iam.get_instance_profile(InstanceProfileName="profile")["InstanceProfile"]["Roles"]) == 1
assert len(iam.list_instance_profiles()["InstanceProfiles"]) == 1
assert len(iam.list_instance_profiles_for_role(RoleName="role")["InstanceProfiles"]) == 1
iam.remove_role_from_instance_profile(InstanceProfileName="profile", RoleName="role")
iam.delete_instance_profile(InstanceProfileName="profile")
linked = iam.create_service_linked_role(AWSServiceName="ecs.amazonaws.com")["Role"]["RoleName"]
task = iam.delete_service_linked_role(RoleName=linked)["DeletionTaskId"]
assert iam.get_service_linked_role_deletion_status(DeletionTaskId=task)["Status"] == "SUCCEEDED"

# Token issuers.
provider = iam.create_open_id_connect_provider(Url="https://oidc.example.com/a", ClientIDList=["one"])
named = {"OpenIDConnectProviderArn": provider["OpenIDConnectProviderArn"]}
iam.add_client_id_to_open_id_connect_provider(**named, ClientID="two")
iam.remove_client_id_from_open_id_connect_provider(**named, ClientID="one")
iam.update_open_id_connect_provider_thumbprint(**named, ThumbprintList=["a" * 40])
read = iam.get_open_id_connect_provider(**named)
assert read["ClientIDList"] == ["two"] and read["ThumbprintList"] == ["a" * 40], read
assert len(iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]) == 1
tagged("OpenIDConnectProvider", **named)
token = {"RoleArn": role["Arn"], "RoleSessionName": "token", "WebIdentityToken": "no token"}
refused(sts.assume_role_with_web_identity, "InvalidIdentityToken", **token)
iam.delete_open_id_connect_provider(**named)

# The account, and what may be asked about policies.
iam.create_account_alias(AccountAlias="every-operation")
assert iam.list_account_aliases()["AccountAliases"] == ["every-operation"]
iam.delete_account_alias(AccountAlias="every-operation")
assert iam.get_account_summary()["SummaryMap"]["Users"] == 2
details = iam.get_account_authorization_details()
assert {one["UserName"] for one in details["UserDetailList"]} == {"administrator", "user"}, details
conditional = document(Action="kms:*", Resource="*", Condition={"Bool": {"aws:SecureTransport": "true"}})
asked = iam.get_context_keys_for_custom_policy(PolicyInputList=[conditional])
assert asked["ContextKeyNames"] == ["aws:SecureTransport"], asked
user_arn = f"arn:aws:iam::{account}:user/team/user"
assert iam.get_context_keys_for_principal_policy(PolicySourceArn=user_arn)["ContextKeyNames"] == []
simulated = iam.simulate_custom_policy(PolicyInputList=[rights], ActionNames=["kms:Encrypt"])
assert simulated["EvaluationResults"][0]["EvalDecision"] == "allowed", simulated
simulated = iam.simulate_principal_policy(PolicySourceArn=user_arn, ActionNames=["kms:Encrypt"])
assert simulated["EvaluationResults"][0]["EvalDecision"] == "implicitDeny", simulated

# What is not here, and is asked for by whoever deletes a user or looks through an account.
assert iam.list_mfa_devices(UserName="user")["MFADevices"] == []
assert iam.list_ssh_public_keys(UserName="user")["SSHPublicKeys"] == []
assert iam.list_signing_certificates(UserName="user")["Certificates"] == []
assert iam.list_service_specific_credentials(UserName="user")["ServiceSpecificCredentials"] == []
assert iam.list_virtual_mfa_devices(AssignmentStatus="Any")["VirtualMFADevices"] == []
assert iam.list_saml_providers()["SAMLProviderList"] == []
assert iam.list_server_certificates()["ServerCertificateMetadataList"] == []
refused(iam.get_login_profile, "NoSuchEntity", UserName="user")
refused(iam.delete_login_profile, "NoSuchEntity", UserName="user")
refused(iam.get_account_password_policy, "NoSuchEntity")
refused(iam.list_mfa_devices, "NoSuchEntity", UserName="nobody")

# Sessions.
assert sts.get_access_key_info(AccessKeyId=sts.get_session_token()["Credentials"]["AccessKeyId"])["Account"] == account
assumed = sts.assume_role(RoleArn=role["Arn"], RoleSessionName="session", Tags=tags, DurationSeconds=7200)
assert assumed["AssumedRoleUser"]["Arn"] == f"arn:aws:sts::{account}:assumed-role/role/session", assumed
refused(sts.decode_authorization_message, "InvalidAuthorizationMessageException", EncodedMessage="none")

iam.delete_role(RoleName="role")
iam.delete_group(GroupName="group")
iam.delete_user(UserName="user")
iam.delete_policy(PolicyArn=policy_arn)
print(json.dumps({service: sorted(names) for service, names in called.items()}))

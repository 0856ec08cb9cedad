"""boto3 with other people's cryptography: pyca/cryptography (an OpenSSL of its own) and AWS's Encryption SDK for Python.

What is signed, encrypted, agreed or derived by the system holds there, and the other way round. The environment names the
endpoint and the administrator's key. Prints one line for each part that went as it should.
"""

import base64
import hashlib
import json
import os
import urllib.request
import warnings

import aws_encryption_sdk
import boto3
import botocore.session
from aws_encryption_sdk import CommitmentPolicy
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import ClientError
from cryptography.hazmat.primitives import hashes, hmac, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mldsa, mlkem, padding, rsa, utils
from cryptography.hazmat.primitives.keywrap import aes_key_wrap_with_padding

kms = boto3.client("kms")
MESSAGE = b"made here, checked there"
HASHES = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}
CURVES = {
    "ECC_NIST_P256": ec.SECP256R1(),
    "ECC_NIST_P384": ec.SECP384R1(),
    "ECC_NIST_P521": ec.SECP521R1(),
    "ECC_SECG_P256K1": ec.SECP256K1(),
}
PKCS8 = (serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
SPKI = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def made(spec, usage, **more):
    return kms.create_key(KeySpec=spec, KeyUsage=usage, **more)["KeyMetadata"]["KeyId"]


def public(key_id):
    return serialization.load_der_public_key(kms.get_public_key(KeyId=key_id)["PublicKey"])


def refused(code, call, **arguments):
    try:
        call(**arguments)
    except ClientError as error:
        assert error.response["Error"]["Code"] == code, error
        assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 400, error
        return
    raise AssertionError(f"{call.__name__} was not refused with {code}")


def sign(key_id, algorithm, message, message_type="RAW"):
    asked = {"KeyId": key_id, "SigningAlgorithm": algorithm, "MessageType": message_type, "Message": message}
    signature = kms.sign(**asked)["Signature"]
    assert kms.verify(**asked, Signature=signature)["SignatureValid"] is True
    return signature


def rsa_padding(algorithm, hash_):
    if "PKCS1" in algorithm:
        return padding.PKCS1v15()
    return padding.PSS(mgf=padding.MGF1(hash_), salt_length=hash_.digest_size)


def signatures():
    for spec in ["RSA_2048", "RSA_3072", "RSA_4096"]:
        key_id = made(spec, "SIGN_VERIFY")
        key = public(key_id)
        for algorithm in kms.describe_key(KeyId=key_id)["KeyMetadata"]["SigningAlgorithms"]:
            hash_ = HASHES[algorithm[-3:]]
            pad = rsa_padding(algorithm, hash_)
            key.verify(sign(key_id, algorithm, MESSAGE), MESSAGE, pad, hash_)
            digest = hashlib.new(f"sha{algorithm[-3:]}", MESSAGE).digest()
            key.verify(sign(key_id, algorithm, digest, "DIGEST"), digest, pad, utils.Prehashed(hash_))
    for spec in CURVES:
        key_id = made(spec, "SIGN_VERIFY")
        (algorithm,) = kms.describe_key(KeyId=key_id)["KeyMetadata"]["SigningAlgorithms"]
        hash_ = HASHES[algorithm[-3:]]
        digest = hashlib.new(f"sha{algorithm[-3:]}", MESSAGE).digest()
        public(key_id).verify(sign(key_id, algorithm, MESSAGE), MESSAGE, ec.ECDSA(hash_))
        public(key_id).verify(sign(key_id, algorithm, digest, "DIGEST"), MESSAGE, ec.ECDSA(hash_))
    key_id = made("ECC_NIST_EDWARDS25519", "SIGN_VERIFY")
    public(key_id).verify(sign(key_id, "ED25519_SHA_512", MESSAGE), MESSAGE)
    for spec in ["ML_DSA_44", "ML_DSA_65", "ML_DSA_87"]:
        key_id = made(spec, "SIGN_VERIFY")
        key = public(key_id)
        assert type(key).__name__.upper().startswith(spec.replace("_", "")), key
        key.verify(sign(key_id, "ML_DSA_SHAKE_256", MESSAGE), MESSAGE)
        # FIPS 204, algorithm 7, line 6: mu = H(H(pk) || 0 || 0 || message), with an empty context.
        spki = kms.get_public_key(KeyId=key_id)["PublicKey"]
        raw = key.public_bytes_raw()
        assert spki.endswith(raw)
        tr = hashlib.shake_256(raw).digest(64)
        mu = hashlib.shake_256(tr + b"\x00\x00" + MESSAGE).digest(64)
        key.verify(sign(key_id, "ML_DSA_SHAKE_256", mu, "EXTERNAL_MU"), MESSAGE)
    print("signatures")


def encryption():
    for spec in ["RSA_2048", "RSA_3072", "RSA_4096"]:
        key_id = made(spec, "ENCRYPT_DECRYPT")
        for algorithm, hash_ in [("RSAES_OAEP_SHA_1", hashes.SHA1()), ("RSAES_OAEP_SHA_256", hashes.SHA256())]:
            oaep = padding.OAEP(mgf=padding.MGF1(hash_), algorithm=hash_, label=None)
            sealed = public(key_id).encrypt(MESSAGE, oaep)
            asked = {"KeyId": key_id, "EncryptionAlgorithm": algorithm}
            assert kms.decrypt(**asked, CiphertextBlob=sealed)["Plaintext"] == MESSAGE
            refused("InvalidCiphertextException", kms.decrypt, **asked, CiphertextBlob=sealed[::-1])
    print("encryption")


def shared_secrets():
    for spec in ["ECC_NIST_P256", "ECC_NIST_P384", "ECC_NIST_P521"]:
        key_id = made(spec, "KEY_AGREEMENT")
        own = ec.generate_private_key(CURVES[spec])
        asked = {"KeyId": key_id, "KeyAgreementAlgorithm": "ECDH", "PublicKey": own.public_key().public_bytes(*SPKI)}
        assert kms.derive_shared_secret(**asked)["SharedSecret"] == own.exchange(ec.ECDH(), public(key_id))
    for spec in ["ML_KEM_768", "ML_KEM_1024"]:
        key_id = made(spec, "ENCAPSULATE_DECAPSULATE")
        secret, capsule = public(key_id).encapsulate()
        # This botocore does not know the operation yet.
        asked = {"KeyId": key_id, "EncapsulationAlgorithm": "ML_KEM", "SharedSecretCiphertextBlob": base64_of(capsule)}
        assert raw_call("Decapsulate", asked)["SharedSecret"] == base64_of(secret)
    print("shared secrets")


def base64_of(data):
    return base64.b64encode(data).decode()


def raw_call(operation, document):
    url = os.environ["AWS_ENDPOINT_URL"]
    headers = {"content-type": "application/x-amz-json-1.1", "x-amz-target": f"TrentService.{operation}"}
    request = AWSRequest("POST", url, headers=headers, data=json.dumps(document))
    SigV4Auth(boto3.Session().get_credentials(), "kms", os.environ["AWS_DEFAULT_REGION"]).add_auth(request)
    sent = urllib.request.Request(url, data=request.body, headers=dict(request.headers.items()), method="POST")
    with urllib.request.urlopen(sent) as answer:
        return json.load(answer)


def data_key_pairs():
    key_id = kms.create_key()["KeyMetadata"]["KeyId"]
    kinds = {"RSA_2048": rsa.RSAPrivateKey, "ECC_NIST_EDWARDS25519": ed25519.Ed25519PrivateKey}
    kinds |= dict.fromkeys(CURVES, ec.EllipticCurvePrivateKey)
    kinds |= {"ML_KEM_768": mlkem.MLKEM768PrivateKey, "ML_KEM_1024": mlkem.MLKEM1024PrivateKey}
    for spec, kind in kinds.items():
        pair = kms.generate_data_key_pair(KeyId=key_id, KeyPairSpec=spec)
        own = serialization.load_der_private_key(pair["PrivateKeyPlaintext"], password=None)
        assert isinstance(own, kind), own
        assert own.public_key().public_bytes(*SPKI) == pair["PublicKey"], spec
        assert kms.decrypt(CiphertextBlob=pair["PrivateKeyCiphertextBlob"])["Plaintext"] == pair["PrivateKeyPlaintext"]
    print("data key pairs")


def wrapped(key_id, material, algorithm):
    made_for = kms.get_parameters_for_import(KeyId=key_id, WrappingAlgorithm=algorithm, WrappingKeySpec="RSA_2048")
    hash_ = hashes.SHA1() if algorithm.endswith("_1") else hashes.SHA256()
    oaep = padding.OAEP(mgf=padding.MGF1(hash_), algorithm=hash_, label=None)
    key = serialization.load_der_public_key(made_for["PublicKey"])
    if algorithm.startswith("RSAES"):
        return made_for["ImportToken"], key.encrypt(material, oaep)
    aes = os.urandom(32)
    return made_for["ImportToken"], key.encrypt(aes, oaep) + aes_key_wrap_with_padding(aes, material)


def imported(spec, usage, material, algorithm):
    key_id = made(spec, usage, Origin="EXTERNAL")
    token, sealed = wrapped(key_id, material, algorithm)
    asked = {"KeyId": key_id, "ImportToken": token, "EncryptedKeyMaterial": sealed}
    kms.import_key_material(**asked, ExpirationModel="KEY_MATERIAL_DOES_NOT_EXPIRE")
    assert kms.describe_key(KeyId=key_id)["KeyMetadata"]["KeyState"] == "Enabled"
    return key_id


def imports():
    own = rsa.generate_private_key(65537, 3072)
    key_id = imported("RSA_3072", "SIGN_VERIFY", own.private_bytes(*PKCS8), "RSA_AES_KEY_WRAP_SHA_256")
    signature = own.sign(MESSAGE, padding.PKCS1v15(), hashes.SHA384())
    asked = {"KeyId": key_id, "Message": MESSAGE, "SigningAlgorithm": "RSASSA_PKCS1_V1_5_SHA_384"}
    assert kms.verify(**asked, Signature=signature)["SignatureValid"]
    for spec, curve in CURVES.items():
        own = ec.generate_private_key(curve)
        key_id = imported(spec, "SIGN_VERIFY", own.private_bytes(*PKCS8), "RSA_AES_KEY_WRAP_SHA_1")
        (algorithm,) = kms.describe_key(KeyId=key_id)["KeyMetadata"]["SigningAlgorithms"]
        signature = sign(key_id, algorithm, MESSAGE)
        own.public_key().verify(signature, MESSAGE, ec.ECDSA(HASHES[algorithm[-3:]]))
    own = ed25519.Ed25519PrivateKey.generate()
    key_id = imported("ECC_NIST_EDWARDS25519", "SIGN_VERIFY", own.private_bytes(*PKCS8), "RSAES_OAEP_SHA_256")
    asked = {"KeyId": key_id, "Message": MESSAGE, "SigningAlgorithm": "ED25519_SHA_512"}
    assert kms.verify(**asked, Signature=own.sign(MESSAGE))["SignatureValid"]
    material = os.urandom(48)
    key_id = imported("HMAC_384", "GENERATE_VERIFY_MAC", material, "RSAES_OAEP_SHA_1")
    outside = hmac.HMAC(material, hashes.SHA384())
    outside.update(MESSAGE)
    asked = {"KeyId": key_id, "Message": MESSAGE, "MacAlgorithm": "HMAC_SHA_384"}
    assert kms.verify_mac(**asked, Mac=outside.finalize())["MacValid"]
    refused("KMSInvalidMacException", kms.verify_mac, **asked, Mac=os.urandom(48))
    print("imports")


def encryption_sdk():
    warnings.simplefilter("ignore")
    first, second = (kms.create_key()["KeyMetadata"]["Arn"] for _ in range(2))
    client = aws_encryption_sdk.EncryptionSDKClient(commitment_policy=CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT)

    def provider(*arns):
        session = botocore.session.get_session()
        return aws_encryption_sdk.StrictAwsKmsMasterKeyProvider(key_ids=list(arns), botocore_session=session)

    context = {"tenant": "blue"}
    plaintext = os.urandom(100_000)
    sealed, _ = client.encrypt(source=plaintext, key_provider=provider(first, second), encryption_context=context)
    kms.rotate_key_on_demand(KeyId=first)
    kms.disable_key(KeyId=second)
    opened, header = client.decrypt(source=sealed, key_provider=provider(first))
    assert opened == plaintext
    assert header.encryption_context["tenant"] == "blue"
    try:
        client.decrypt(source=sealed, key_provider=provider(second))
    except aws_encryption_sdk.exceptions.AWSEncryptionSDKClientError:
        print("Encryption SDK")
        return
    raise AssertionError("a disabled key opened a message")


signatures()
encryption()
shared_secrets()
data_key_pairs()
imports()
encryption_sdk()

"""An S3-compatible server for one test: moto, with its own rules on, so that signatures and policies are checked."""
import json
import logging
import os
import sys

# Who asks before the end of the setup is not looked at; everybody after it is.
os.environ["INITIAL_NO_AUTH_ACTION_COUNT"] = "1000"
logging.getLogger("werkzeug").setLevel(logging.CRITICAL)

import boto3
from moto import settings
from moto.server import ThreadedMotoServer

BUCKETS = ["backups", "locked"]
POLICY = {
    "Version": "2012-10-17",
    "Statement": [{
        "Effect": "Allow",
        "Action": ["s3:*"],
        "Resource": ["arn:aws:s3:::" + bucket + rest for bucket in BUCKETS for rest in ("", "/*")],
    }],
}

server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
host, port = server.get_host_and_port()
address = f"http://127.0.0.1:{port}"


def client(name):
    return boto3.client(name, region_name="eu-central-1", endpoint_url=address,
                        aws_access_key_id="setup", aws_secret_access_key="setup")


iam = client("iam")


def person(name, policy):
    iam.create_user(UserName=name)
    if policy:
        iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=json.dumps(policy))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return {"id": key["AccessKeyId"], "secret": key["SecretAccessKey"]}


writer = person("writer", POLICY)
stranger = person("stranger", None)
where = {"LocationConstraint": "eu-central-1"}
client("s3").create_bucket(Bucket="backups", CreateBucketConfiguration=where)
client("s3").create_bucket(Bucket="locked", CreateBucketConfiguration=where, ObjectLockEnabledForBucket=True)
settings.INITIAL_NO_AUTH_ACTION_COUNT = 0.0
print(json.dumps({"port": port, "writer": writer, "stranger": stranger}), flush=True)
sys.stdin.read()

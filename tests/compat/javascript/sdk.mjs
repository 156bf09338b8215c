// The AWS SDK for JavaScript, as a program of its users would drive it: environment variables
// and nothing else. What it saw goes to standard output, as JSON.
import { createVerify } from "node:crypto";
import { CloudTrailClient, LookupEventsCommand } from "@aws-sdk/client-cloudtrail";
import {
  DisabledException, InvalidCiphertextException, KMS, KMSInvalidSignatureException,
  NotFoundException, paginateListKeys,
} from "@aws-sdk/client-kms";
import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";

const kms = new KMS({});
const context = { "tenant": "7", "straße": "北京 \u{1f511}" };
const Plaintext = Buffer.from("attack at dawn");

// The class and the message of the error that a call ends with.
async function refusal(call, expected) {
  try {
    await call;
  } catch (error) {
    const { httpStatusCode, requestId } = error.$metadata;
    return { typed: error instanceof expected, message: error.message, httpStatusCode, requestId };
  }
  throw new Error("the call was not refused");
}

const { KeyMetadata: key } = await kms.createKey({ Description: "JavaScript" });
const KeyId = key.KeyId;
const { CiphertextBlob } = await kms.encrypt({ KeyId, Plaintext, EncryptionContext: context });
const opened = await kms.decrypt({ CiphertextBlob, EncryptionContext: context });
const dataKey = await kms.generateDataKey({ KeyId, KeySpec: "AES_256" });
const dataKeyAgain = await kms.decrypt({ CiphertextBlob: dataKey.CiphertextBlob });

const { KeyMetadata: signer } = await kms.createKey({ KeySpec: "ECC_NIST_P256", KeyUsage: "SIGN_VERIFY" });
const signing = { KeyId: signer.KeyId, Message: Plaintext, SigningAlgorithm: "ECDSA_SHA_256" };
const { Signature } = await kms.sign(signing);
const { PublicKey } = await kms.getPublicKey({ KeyId: signer.KeyId });
const publicKey = { key: Buffer.from(PublicKey), format: "der", type: "spki" };

const listed = [];
for await (const page of paginateListKeys({ client: kms, pageSize: 1 }, {})) listed.push(...page.Keys);

const found = await new CloudTrailClient({}).send(new LookupEventsCommand({
  LookupAttributes: [{ AttributeKey: "ResourceName", AttributeValue: key.Arn }],
}));
const me = await new STSClient({}).send(new GetCallerIdentityCommand({}));

console.log(JSON.stringify({
  caller: me.Arn,
  key: key.Arn,
  created: key.CreationDate instanceof Date && key.CreationDate.getTime(),
  opened: Buffer.from(opened.Plaintext).toString(),
  dataKey: Buffer.from(dataKey.Plaintext).equals(dataKeyAgain.Plaintext) && dataKey.Plaintext.length,
  signature: createVerify("sha256").update(Plaintext).verify(publicKey, Signature),
  listed: listed.map((one) => one.KeyArn),
  events: found.Events.map((event) => event.EventName),
  refusals: {
    unknownKey: await refusal(
      kms.describeKey({ KeyId: "1234abcd-12ab-34cd-56ef-1234567890ab" }), NotFoundException),
    otherContext: await refusal(kms.decrypt({ CiphertextBlob }), InvalidCiphertextException),
    otherMessage: await refusal(
      kms.verify({ ...signing, Message: Buffer.from("at dusk"), Signature }), KMSInvalidSignatureException),
    disabled: await refusal(
      kms.disableKey({ KeyId }).then(() => kms.encrypt({ KeyId, Plaintext })), DisabledException),
  },
}));

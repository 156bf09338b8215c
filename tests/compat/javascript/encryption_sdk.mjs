// The AWS Encryption SDK for JavaScript: `encrypt ARN CONTEXT` seals standard input, `decrypt ARN`
// opens it; the answer goes to standard output. The key is found by its ARN.
import { buffer } from "node:stream/consumers";
import { buildClient, CommitmentPolicy, KmsKeyringNode } from "@aws-crypto/client-node";
import { KMS } from "@aws-sdk/client-kms";

const { encrypt, decrypt } = buildClient(CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT);
const [mode, generatorKeyId, context] = process.argv.slice(2);
const keyring = new KmsKeyringNode({ clientProvider: () => new KMS({}), generatorKeyId });
const input = await buffer(process.stdin);
const output = mode === "encrypt"
  ? (await encrypt(keyring, input, { encryptionContext: JSON.parse(context) })).result
  : (await decrypt(keyring, input)).plaintext;
process.stdout.write(output);

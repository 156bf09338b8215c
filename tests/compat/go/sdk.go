// The AWS SDK for Go. What it saw goes to standard output, as JSON. The address is said here,
// since not every version reads it from the environment.
package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"errors"
	"os"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	trail "github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

type object = map[string]any

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

// refusal is the type and the message of the error that a call ended with.
func refusal[E error](err error) object {
	var expected E
	var response *awshttp.ResponseError
	if !errors.As(err, &response) {
		panic("the call was not refused")
	}
	typed := errors.As(err, &expected)
	message := ""
	if typed {
		var api interface{ ErrorMessage() string }
		errors.As(err, &api)
		message = api.ErrorMessage()
	}
	return object{
		"typed": typed, "message": message,
		"httpStatusCode": response.HTTPStatusCode(), "requestId": response.ServiceRequestID(),
	}
}

func list(ctx context.Context, client *kms.Client) []string {
	var listed []string
	pages := kms.NewListKeysPaginator(client, &kms.ListKeysInput{Limit: aws.Int32(1)})
	for pages.HasMorePages() {
		for _, key := range must(pages.NextPage(ctx)).Keys {
			listed = append(listed, *key.KeyArn)
		}
	}
	return listed
}

func lookUp(ctx context.Context, configuration aws.Config, arn *string) []string {
	attribute := trail.LookupAttribute{
		AttributeKey: trail.LookupAttributeKeyResourceName, AttributeValue: arn,
	}
	found := must(cloudtrail.NewFromConfig(configuration).LookupEvents(ctx, &cloudtrail.LookupEventsInput{
		LookupAttributes: []trail.LookupAttribute{attribute},
	}))
	var names []string
	for _, event := range found.Events {
		names = append(names, *event.EventName)
	}
	return names
}

func main() {
	ctx := context.Background()
	resolve := func(_, region string, _ ...any) (aws.Endpoint, error) {
		return aws.Endpoint{URL: os.Getenv("AWS_ENDPOINT_URL"), SigningRegion: region}, nil
	}
	configuration := must(config.LoadDefaultConfig(ctx,
		config.WithEndpointResolverWithOptions(aws.EndpointResolverWithOptionsFunc(resolve))))
	client := kms.NewFromConfig(configuration)
	said := map[string]string{"tenant": "7", "straße": "北京 \U0001f511"}
	plaintext := []byte("attack at dawn")

	key := must(client.CreateKey(ctx, &kms.CreateKeyInput{Description: aws.String("Go")})).KeyMetadata
	sealed := must(client.Encrypt(ctx, &kms.EncryptInput{
		KeyId: key.KeyId, Plaintext: plaintext, EncryptionContext: said,
	}))
	opened := must(client.Decrypt(ctx, &kms.DecryptInput{
		CiphertextBlob: sealed.CiphertextBlob, EncryptionContext: said,
	}))
	dataKey := must(client.GenerateDataKey(ctx, &kms.GenerateDataKeyInput{
		KeyId: key.KeyId, KeySpec: types.DataKeySpecAes256,
	}))
	dataKeyAgain := must(client.Decrypt(ctx, &kms.DecryptInput{CiphertextBlob: dataKey.CiphertextBlob}))
	dataKeyLength := 0
	if bytes.Equal(dataKey.Plaintext, dataKeyAgain.Plaintext) {
		dataKeyLength = len(dataKey.Plaintext)
	}
	events := lookUp(ctx, configuration, key.Arn)

	signer := must(client.CreateKey(ctx, &kms.CreateKeyInput{
		KeySpec: types.KeySpecEccNistP256, KeyUsage: types.KeyUsageTypeSignVerify,
	})).KeyMetadata
	signature := must(client.Sign(ctx, &kms.SignInput{
		KeyId: signer.KeyId, Message: plaintext, SigningAlgorithm: types.SigningAlgorithmSpecEcdsaSha256,
	})).Signature
	public := must(client.GetPublicKey(ctx, &kms.GetPublicKeyInput{KeyId: signer.KeyId})).PublicKey
	digest := sha256.Sum256(plaintext)
	verified := ecdsa.VerifyASN1(must(x509.ParsePKIXPublicKey(public)).(*ecdsa.PublicKey), digest[:], signature)

	refusals := object{}
	_, err := client.DescribeKey(ctx, &kms.DescribeKeyInput{
		KeyId: aws.String("1234abcd-12ab-34cd-56ef-1234567890ab"),
	})
	refusals["unknownKey"] = refusal[*types.NotFoundException](err)
	_, err = client.Decrypt(ctx, &kms.DecryptInput{CiphertextBlob: sealed.CiphertextBlob})
	refusals["otherContext"] = refusal[*types.InvalidCiphertextException](err)
	_, err = client.Verify(ctx, &kms.VerifyInput{
		KeyId: signer.KeyId, Message: []byte("at dusk"), Signature: signature,
		SigningAlgorithm: types.SigningAlgorithmSpecEcdsaSha256,
	})
	refusals["otherMessage"] = refusal[*types.KMSInvalidSignatureException](err)
	must(client.DisableKey(ctx, &kms.DisableKeyInput{KeyId: key.KeyId}))
	_, err = client.Encrypt(ctx, &kms.EncryptInput{KeyId: key.KeyId, Plaintext: plaintext})
	refusals["disabled"] = refusal[*types.DisabledException](err)

	saw := object{
		"caller":    must(sts.NewFromConfig(configuration).GetCallerIdentity(ctx, nil)).Arn,
		"key":       key.Arn,
		"created":   key.CreationDate.UnixMilli(),
		"opened":    string(opened.Plaintext),
		"dataKey":   dataKeyLength,
		"signature": verified,
		"listed":    list(ctx, client),
		"events":    events,
		"refusals":  refusals,
	}
	if err := json.NewEncoder(os.Stdout).Encode(saw); err != nil {
		panic(err)
	}
}

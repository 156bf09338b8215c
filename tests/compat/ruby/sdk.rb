# The AWS SDK for Ruby. What it saw goes to standard output, as JSON. The address is said here,
# since not every version reads it from the environment; nor does every version know asymmetric keys.
require "aws-sdk-core"
require "aws-sdk-kms"
require "json"

at = { endpoint: ENV.fetch("AWS_ENDPOINT_URL") }
kms = Aws::KMS::Client.new(at)
context = { "tenant" => "7", "straße" => "北京 \u{1f511}" }
plaintext = "attack at dawn"

# The class and the message of the error that a call ends with.
def refusal(expected)
  yield
  raise "the call was not refused"
rescue Aws::Errors::ServiceError => error
  http = error.context.http_response
  { typed: error.is_a?(expected), message: error.message, httpStatusCode: http.status_code,
    requestId: http.headers["x-amzn-requestid"] }
end

key = kms.create_key(description: "Ruby").key_metadata
key_id = key.key_id
sealed = kms.encrypt(key_id:, plaintext:, encryption_context: context)
opened = kms.decrypt(ciphertext_blob: sealed.ciphertext_blob, encryption_context: context)
data_key = kms.generate_data_key(key_id:, key_spec: "AES_256")
data_key_again = kms.decrypt(ciphertext_blob: data_key.ciphertext_blob)

listed = kms.list_keys(limit: 1).flat_map { |page| page.keys.map(&:key_arn) }

errors = Aws::KMS::Errors
refusals = {
  unknownKey: refusal(errors::NotFoundException) do
    kms.describe_key(key_id: "1234abcd-12ab-34cd-56ef-1234567890ab")
  end,
  otherContext: refusal(errors::InvalidCiphertextException) do
    kms.decrypt(ciphertext_blob: sealed.ciphertext_blob)
  end,
  disabled: refusal(errors::DisabledException) do
    kms.disable_key(key_id:)
    kms.encrypt(key_id:, plaintext:)
  end,
}

puts JSON.generate(
  caller: Aws::STS::Client.new(at).get_caller_identity.arn,
  key: key.arn,
  created: key.creation_date.to_f * 1000,
  opened: opened.plaintext,
  dataKey: data_key.plaintext == data_key_again.plaintext && data_key.plaintext.bytesize,
  listed:,
  refusals:,
)

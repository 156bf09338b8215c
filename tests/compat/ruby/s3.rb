# The client of the AWS SDK for Ruby that encrypts what it puts into S3, with a data key of KMS
# for each object: puts its standard input there, and writes what it gets back.
require "aws-sdk-s3"

s3_url, key_id = ARGV
s3 = Aws::S3::Client.new(endpoint: s3_url, force_path_style: true)
encrypting = lambda do |kms_key_id|
  Aws::S3::EncryptionV2::Client.new(
    client: s3,
    kms_client: Aws::KMS::Client.new(endpoint: ENV.fetch("AWS_ENDPOINT_URL")),
    kms_key_id:,
    key_wrap_schema: :kms_context,
    content_encryption_schema: :aes_gcm_no_padding,
    security_profile: :v2,
  )
end
object = { bucket: "drawer", key: "letter" }
said = { kms_encryption_context: { "tenant" => "7" } }
s3.create_bucket(bucket: object[:bucket])
body = $stdin.binmode.read
encrypting.(key_id).put_object(**object, **said, body:)
raise "it lies there in clear" if s3.get_object(object).body.read.b.include?(body)

# Not every version of the SDK can name the key of a Decrypt.
got = encrypting.(:kms_allow_decrypt_with_any_cmk).get_object(**object, **said)
$stdout.binmode.write(got.body.read)

//! A client of the REST API, signed like any other.

use std::time::Duration;

use reqwest::blocking;
use reqwest::{Certificate, Method, Url};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::error::Error;
use crate::base::clock::{Clock, SystemClock};
use crate::base::hex;
use crate::config;
use crate::wire::sigv4;
use crate::wire::sigv4::sign::{Credentials, sign};

/// The service in the credential scope of the REST API.
const SERVICE: &str = "wardbook";
/// The service in the credential scope of the KMS protocol.
const KMS: &str = "kms";
/// How long an answer may take: a full batch of large items on a busy server.
const TIMEOUT: Duration = Duration::from_secs(120);

const JSON: &str = "application/json";
const TEXT: &str = "text/plain; charset=utf-8";

/// When a server that says nothing is asked whether it is still there.
const KEEP_ALIVE: Duration = Duration::from_secs(60);

/// A signed client of one server.
pub(super) struct Client {
    http: blocking::Client,
    endpoint: Url,
    settings: config::client::Client,
    clock: SystemClock,
}

/// A call to make.
pub(super) struct Call<'a> {
    method: Method,
    /// The path, encoded.
    path: String,
    /// The names and values of the query string, not yet encoded.
    query: &'a [(&'a str, &'a str)],
    body: Option<Vec<u8>>,
    /// The media type of the body.
    content_type: &'static str,
    /// An operation of the KMS protocol, and none of the REST API.
    target: Option<&'static str>,
}

impl<'a> Call<'a> {
    /// A call without query and body. The parts of the path are not yet encoded.
    pub(super) fn new(method: Method, path: &[&str]) -> Self {
        let path = path.iter().flat_map(|part| ["/".to_owned(), encoded(part)]).collect();
        Self { method, path, query: &[], body: None, content_type: JSON, target: None }
    }

    /// A call of the KMS protocol, by its `X-Amz-Target`.
    pub(super) fn kms(target: &'static str) -> Self {
        Self { target: Some(target), path: "/".to_owned(), ..Self::new(Method::POST, &[]) }
    }

    /// The same call with a query.
    pub(super) fn asking(self, query: &'a [(&'a str, &'a str)]) -> Self {
        Self { query, ..self }
    }

    /// The same call with a JSON body.
    pub(super) fn with(self, body: &impl Serialize) -> Result<Self, Error> {
        let body = serde_json::to_vec(body).map_err(std::io::Error::from)?;
        Ok(Self { body: Some(body), ..self })
    }

    /// The same call with a body as it stands.
    pub(super) fn with_text(self, body: &str) -> Self {
        Self { body: Some(body.as_bytes().to_vec()), content_type: TEXT, ..self }
    }
}

impl Client {
    pub(super) fn new(settings: config::client::Client) -> Result<Self, Error> {
        let wrong = || Error::Endpoint(settings.endpoint.clone());
        let endpoint = Url::parse(&settings.endpoint).map_err(|_bad| wrong())?;
        let is_root = endpoint.path() == "/" && endpoint.query().is_none();
        if !matches!(endpoint.scheme(), "http" | "https") || !is_root {
            return Err(wrong());
        }
        let http = http(&settings, Some(TIMEOUT))?;
        Ok(Self { http, endpoint, settings, clock: SystemClock::new() })
    }

    /// Makes a call and reads the JSON of the answer.
    pub(super) fn call<T: DeserializeOwned>(&self, call: Call<'_>) -> Result<T, Error> {
        let (status, body) = self.send(call)?;
        serde_json::from_slice(&body).map_err(|cause| Error::Answer { status, cause })
    }

    /// Makes a call whose answer says nothing.
    pub(super) fn call_silent(&self, call: Call<'_>) -> Result<(), Error> {
        self.call::<serde::de::IgnoredAny>(call).map(|_nothing| ())
    }

    /// Makes a call of the REST API whose answer is read as it comes, however
    /// long that takes.
    pub(super) fn open(&self, call: Call<'_>) -> Result<blocking::Response, Error> {
        let patient = http(&self.settings, None)?;
        let answer = self.begin(&patient, call)?;
        let status = answer.status();
        if status.is_success() {
            return Ok(answer);
        }
        let body = answer.bytes().map_err(|cause| self.unreachable(cause))?;
        Err(refusal(status.as_u16(), &body))
    }

    /// The connection failed.
    pub(super) fn unreachable(&self, cause: reqwest::Error) -> Error {
        Error::Unreachable { endpoint: self.settings.endpoint.clone(), cause: cause.without_url() }
    }

    fn send(&self, call: Call<'_>) -> Result<(u16, Vec<u8>), Error> {
        let target = call.target;
        let answer = self.begin(&self.http, call)?;
        let status = answer.status();
        let request_id = answer.headers().get("x-amzn-requestid").cloned();
        let body = answer.bytes().map_err(|cause| self.unreachable(cause))?.to_vec();
        if status.is_success() {
            return Ok((status.as_u16(), body));
        }
        match (target, serde_json::from_slice(&body)) {
            (Some(_), Ok(KmsError { code, message })) => {
                let id = request_id.as_ref().and_then(|id| id.to_str().ok());
                let request_id = id.unwrap_or_default().to_owned();
                Err(Error::Refused { code, message, request_id })
            }
            _ => Err(refusal(status.as_u16(), &body)),
        }
    }

    /// Sends a call; its answer begins.
    fn begin(&self, http: &blocking::Client, call: Call<'_>) -> Result<blocking::Response, Error> {
        let url = self.url(&call)?;
        let host = host(&url);
        let body = call.body.unwrap_or_default();
        let mut headers = vec![("host", host.as_bytes())];
        match call.target {
            Some(target) => {
                headers.push(("content-type", b"application/x-amz-json-1.1"));
                headers.push(("x-amz-target", target.as_bytes()));
            }
            None if !body.is_empty() => {
                headers.push(("content-type", call.content_type.as_bytes()));
            }
            None => {}
        }
        let unsigned = sigv4::Request {
            method: call.method.as_str(),
            path: url.path(),
            query: url.query().unwrap_or_default(),
            headers: &headers,
            body: &body,
        };
        let service = if call.target.is_some() { KMS } else { SERVICE };
        let signed = self.sign(&unsigned, service)?;
        let mut request = http.request(call.method, url);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        for (name, value) in signed {
            request = request.header(name, value);
        }
        request.body(body).send().map_err(|cause| self.unreachable(cause))
    }

    fn sign(
        &self,
        request: &sigv4::Request<'_>,
        service: &str,
    ) -> Result<Vec<(&'static str, String)>, Error> {
        let held = &self.settings.credentials;
        let token = held.session_token.as_ref();
        let credentials = Credentials {
            access_key_id: &held.access_key_id,
            secret: &held.secret,
            session_token: token.and_then(|token| std::str::from_utf8(token.expose()).ok()),
        };
        let now_ms = self.clock.now_ms();
        Ok(sign(request, &credentials, &self.settings.region, service, now_ms)?)
    }

    /// The URL of a call. What is signed must be what is sent, so a part that
    /// would be resolved away (`..`) is refused.
    fn url(&self, call: &Call<'_>) -> Result<Url, Error> {
        let mut url = self.endpoint.clone();
        url.set_path(&call.path);
        if url.path() != call.path {
            return Err(Error::Path(call.path.clone()));
        }
        let pairs = call.query.iter().map(|(name, value)| format!("{name}={}", encoded(value)));
        let query = pairs.collect::<Vec<_>>().join("&");
        url.set_query(Some(query.as_str()).filter(|query| !query.is_empty()));
        Ok(url)
    }
}

/// A client that waits so long for an answer, and for each part of it.
fn http(
    settings: &config::client::Client,
    patience: Option<Duration>,
) -> Result<blocking::Client, Error> {
    let mut http = blocking::Client::builder()
        .timeout(patience)
        .tcp_keepalive(KEEP_ALIVE)
        .redirect(reqwest::redirect::Policy::none())
        .user_agent(concat!("wardbook/", env!("CARGO_PKG_VERSION")));
    if let Some(pem) = &settings.ca_cert {
        let authorities = Certificate::from_pem_bundle(pem).map_err(Error::CaCert)?;
        http = http.tls_certs_merge(authorities);
    }
    http.build().map_err(Error::CaCert)
}

/// The `Host` header, which leaves out a scheme's own port.
fn host(url: &Url) -> String {
    let name = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{name}:{port}"),
        None => name.to_owned(),
    }
}

/// RFC 3986: everything but the unreserved characters as `%XX`.
fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(char::from(byte));
            }
            other => {
                encoded.push('%');
                encoded.push_str(&hex::encode(&[other]).to_ascii_uppercase());
            }
        }
    }
    encoded
}

/// An error of the KMS protocol.
#[derive(Deserialize)]
struct KmsError {
    #[serde(rename = "__type")]
    code: String,
    #[serde(default)]
    message: String,
}

#[derive(Deserialize)]
struct ErrorBody {
    error: ErrorMembers,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ErrorMembers {
    code: String,
    message: String,
    request_id: String,
}

fn refusal(status: u16, body: &[u8]) -> Error {
    match serde_json::from_slice(body) {
        Ok(ErrorBody { error: ErrorMembers { code, message, request_id } }) => {
            Error::Refused { code, message, request_id }
        }
        Err(cause) => Error::Answer { status, cause },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::secret::SecretBytes;

    fn client(endpoint: &str) -> Result<Client, Error> {
        Client::new(config::client::Client {
            endpoint: endpoint.to_owned(),
            region: "eu-central-1".to_owned(),
            credentials: config::client::Credentials {
                access_key_id: "AKIAEXAMPLE".to_owned(),
                secret: SecretBytes::new(b"secret".to_vec()),
                session_token: None,
            },
            ca_cert: None,
        })
    }

    #[track_caller]
    fn check(path: &[&str], query: &[(&str, &str)], want: Option<&str>) {
        let call = Call::new(Method::GET, path).asking(query);
        let url = client("http://localhost:7643").unwrap().url(&call);
        assert_eq!(url.ok().map(|url| url.to_string()).as_deref(), want);
    }

    #[test]
    fn urls_are_what_is_signed() {
        check(&["v1", "users", "a+b@c"], &[], Some("http://localhost:7643/v1/users/a%2Bb%40c"));
        check(
            &["v1", "a/b"],
            &[("q", "x y&z")],
            Some("http://localhost:7643/v1/a%2Fb?q=x%20y%26z"),
        );
        check(&["v1", "users", ".."], &[], None);
        check(&["v1", ".", "x"], &[], None);
    }

    #[test]
    fn hosts_are_those_that_are_sent() {
        for (url, want) in [
            ("http://localhost:7643", "localhost:7643"),
            ("http://localhost:80", "localhost"),
            ("https://[::1]:443", "[::1]"),
        ] {
            assert_eq!(host(&Url::parse(url).unwrap()), want);
        }
    }

    #[test]
    fn refuses_what_is_no_endpoint() {
        for endpoint in ["localhost:7643", "ftp://localhost", "http://localhost/path", ""] {
            assert!(matches!(client(endpoint), Err(Error::Endpoint(_))), "{endpoint}");
        }
    }
}

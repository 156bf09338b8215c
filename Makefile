# `make test` is what a change must pass; `.ci/run` calls it. See CONTRIBUTING.md.

SHELL := bash
.NOTPARALLEL:
.PHONY: test check fast fmt clippy rust it compat compat-s3 doc bench deny fuzz interop policy-million

# Everything: format, lints, all Rust tests, then real clients against a real server.
test: fmt clippy rust compat

# Everything but the real clients, with the documentation and the dependency rules.
check: fmt clippy rust doc deny

# The inner loop.
fast: clippy
	cargo test --locked --lib

fmt:
	cargo fmt --check

clippy:
	cargo clippy --locked --all-targets -- -D warnings

rust:
	@if cargo nextest --version >/dev/null 2>&1; then \
	  set -x; cargo nextest run --locked; \
	else \
	  set -x; cargo test --locked; \
	fi

# One group of integration tests: `make it FILTER=tidy`.
it:
	cargo test --locked --test it $(FILTER)

# Real clients: `make compat ARGS='-k alias'`. The server is the binary that the
# Rust tests use; nothing is built twice.
compat:
	cargo test --locked --no-run --quiet
	tests/compat/run $(ARGS)

# Random input for every parser of what callers send, some seconds for each:
# `make fuzz FUZZ_SECONDS=300 TARGETS='json_policy item'`.
FUZZ_SECONDS ?= 60
fuzz:
	tests/fuzz/run $(FUZZ_SECONDS) $(TARGETS)

# Ten thousand random policies and a hundred requests to each, decided by the
# engine and by the second evaluator in src/policy/aws/reference/.
policy-million:
	POLICY_SEEDS=10000 cargo test --locked --release --lib aws::reference
# The same build with delivery to S3, against an S3 server of the tests.
compat-s3:
	cargo test --locked --features s3 --test it --no-run --quiet
	WARDBOOK_HAS_S3=1 tests/compat/run test_cloudtrail.py $(ARGS)

# Items from the official Database Encryption SDK to the server and back. Its crate
# is huge: the first build takes minutes and 2.5 GB of memory, so no other target
# builds it.
interop:
	cargo build --locked
	tests/interop/run

doc:
	RUSTDOCFLAGS='-D warnings' cargo doc --locked --no-deps

bench:
	cargo bench --locked

deny:
	@if cargo deny --version >/dev/null 2>&1; then \
	  set -x; cargo deny check bans licenses sources; \
	else \
	  echo 'deny: skipped, cargo-deny is not installed'; \
	fi

# `make test` is what a change must pass; `.ci/run` calls it. See CONTRIBUTING.md.

SHELL := bash
.NOTPARALLEL:
.PHONY: test check fast fmt clippy rust it compat doc bench deny fuzz policy-million

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

# The two commands of the README, and what they need. Everything else is cargo's own.
SHELL := /bin/sh
.PHONY: demo test bench tools lint

# The TLS and compression libraries under the listener are built with cmake. It is the only thing
# beyond Rust, a C compiler and make; it is installed where it is missing.
tools:
	@command -v cmake >/dev/null 2>&1 || ./tests/install.sh cmake

## One request of each kind against simulated platforms; ARGS=--once ends instead of serving on.
## Without --release: that takes minutes longer to build, and the demo waits for nobody.
demo: tools
	cargo run -- demo $(ARGS)

## All tests, beside a Redis and a PostgreSQL of their own: with nextest where it is installed,
## which cannot run doc tests. Without it, what measures memory runs by itself, since cargo's own
## runner has all tests in one process.
test: tools
	@cargo test --quiet --doc
	@if cargo nextest --version >/dev/null 2>&1; then \
	  ./tests/with_servers.sh cargo nextest run --no-fail-fast; \
	else ./tests/with_servers.sh sh -c \
	  'cargo test --lib --bins --tests -- --skip pacing:: && cargo test --test suite pacing::'; fi

lint:
	cargo fmt --check
	cargo clippy --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --document-private-items

## The figures of the README; ARGS passes options, --help lists them.
bench: tools
	./benches/run.sh $(ARGS)

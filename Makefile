# make demo   watch the main job happen: plan, approve, apply, drift
# make test   everything that has to hold before a change is merged
# make build  only the program
#
# Each installs what is missing on a fresh Debian or Ubuntu first, and says so; see tools/setup.sh.

# Where rustup puts cargo; before a distribution's own, which is often older.
export PATH := $(HOME)/.cargo/bin:$(PATH)

TARGET := $(or $(CARGO_TARGET_DIR),target)

.PHONY: build demo test

build:
	@tools/setup.sh
	cargo build --locked

demo:
	@tools/setup.sh postgres
	cargo build --locked
	@FORGE=$(abspath $(TARGET))/debug/forge tools/demo.sh

test:
	@tools/setup.sh postgres lint
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS='-D warnings' cargo doc --locked --workspace --no-deps
	cargo test --locked

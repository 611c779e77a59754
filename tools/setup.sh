#!/usr/bin/env bash
# Installs what is missing to build forge, and says what it does; silent where nothing is missing.
#
#   tools/setup.sh                 a C compiler, libclang and Rust: what `cargo build` needs
#   tools/setup.sh postgres        also PostgreSQL's server and client: what the demo and the tests need
#   tools/setup.sh lint            also rustfmt and clippy
#
# Knows apt (Debian, Ubuntu); elsewhere it names what is missing. Uses sudo when it is not root.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
PATH="${HOME:-}/.cargo/bin:$PATH"

main() {
    local packages=() want_postgres=no want_lint=no
    for want in "$@"; do
        case $want in
            postgres) want_postgres=yes ;;
            lint) want_lint=yes ;;
            *) fail "unknown argument '$want'" ;;
        esac
    done

    has cc || packages+=(gcc libc6-dev)
    has_libclang || packages+=(libclang-dev)
    # cargo and forge download over https and check certificates.
    [ -n "$(find /etc/ssl/certs /etc/pki -name '*.pem' -o -name '*.crt' 2>/dev/null | head -n 1)" ] ||
        packages+=(ca-certificates)
    if [ "$want_postgres" = yes ]; then
        has_postgres_server || packages+=(postgresql)
        { has psql && has pg_dump; } || packages+=(postgresql-client)
    fi
    # The tests end programs; a shell's own kill doesn't count.
    [ "$want_lint" = no ] || [ -n "$(type -P kill)" ] || packages+=(procps)
    # They sign plans, too.
    [ "$want_lint" = no ] || has ssh-keygen || packages+=(openssh-client)
    # And stand behind a pooler. Debian keeps it off the PATH of ordinary users.
    [ "$want_lint" = no ] || has pgbouncer || [ -x /usr/sbin/pgbouncer ] || packages+=(pgbouncer)
    [ ${#packages[@]} -eq 0 ] || install_packages "${packages[@]}"

    ensure_rust
    [ "$want_lint" = no ] || ensure_lint
}

say() { printf 'setup: %s\n' "$*" >&2; }
fail() { printf 'setup: %s\n' "$@" >&2; exit 1; }
has() { command -v "$1" >/dev/null; }
any() { compgen -G "$1" >/dev/null; }

# ── Packages ────────────────────────────────────────────────────────────────────────────────────

# bindgen loads libclang, and needs the compiler's own headers (stddef.h) that come along with it.
has_libclang() {
    [ -z "${LIBCLANG_PATH:-}" ] || return 0
    { any '/usr/lib/llvm-*/lib/libclang*.so*' || any '/usr/lib*/libclang*.so*' || any '/usr/lib/*/libclang*.so*'; } &&
        { any '/usr/lib/llvm-*/lib/clang/*/include/stddef.h' || any '/usr/lib*/clang/*/include/stddef.h'; }
}

# Debian keeps the server's programs off the PATH.
has_postgres_server() {
    has initdb || any '/usr/lib/postgresql/*/bin/initdb' || any '/usr/pgsql-*/bin/initdb'
}

install_packages() {
    has apt-get || fail "missing: $*" "install them with your package manager (names as in Debian), then run this again"
    is_root || has sudo || fail "missing: $*" "installing needs root, and there is no sudo; run as root:" \
        "    apt-get update && apt-get install --no-install-recommends $*"
    say "installing with apt: $*"
    update_package_lists
    # Only the programs are wanted: without this, Debian would create a cluster and start a server on port 5432.
    local no_cluster=/etc/postgresql-common/createcluster.d/forge-setup.conf
    case " $* " in *' postgresql '*)
        say "PostgreSQL comes without a cluster: forge starts private servers of its own"
        as_root mkdir -p "${no_cluster%/*}"
        echo 'create_main_cluster = false' | as_root tee "$no_cluster" >/dev/null
        # The next PostgreSQL that somebody installs is none of this script's business.
        trap 'as_root rm -f '"$no_cluster" EXIT ;;
    esac
    # The tests start PgBouncers of their own: without this, Debian would start one on port 6432.
    local no_service=/usr/sbin/policy-rc.d
    case " $* " in *' pgbouncer '*)
        if [ ! -e "$no_service" ]; then
            printf '#!/bin/sh\nexit 101\n' | as_root tee "$no_service" >/dev/null
            as_root chmod 755 "$no_service"
            trap 'as_root rm -f '"$no_cluster $no_service" EXIT
        fi ;;
    esac
    # Without a terminal of its own, dpkg leaves out its progress, which -qq would print as one endless line in a log.
    as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends -o Dpkg::Use-Pty=0 "$@" >&2
    # Nor shall it start with the machine.
    case " $* " in *' pgbouncer '*)
        ! has systemctl || as_root systemctl disable pgbouncer >/dev/null 2>&1 || true ;;
    esac
}

# Once a run; containers come without lists.
lists_are_fresh=no
update_package_lists() {
    [ "$lists_are_fresh" = no ] || return 0
    as_root apt-get update -qq
    lists_are_fresh=yes
}

is_root() { [ "$(id -u)" -eq 0 ]; }

as_root() {
    if is_root; then
        "$@"
    elif has sudo; then
        sudo "$@"
    else
        fail "this needs root, and there is no sudo: $*"
    fi
}

# ── Rust ────────────────────────────────────────────────────────────────────────────────────────

# The version is said once, in Cargo.toml.
wanted_rust() { sed -n 's/^rust-version = "\(.*\)"$/\1/p' Cargo.toml; }

rust_is_new_enough() {
    local found
    has cargo && found=$(rustc --version 2>/dev/null | cut -d ' ' -f 2) && [ -n "$found" ] &&
        [ "$(printf '%s\n' "$(wanted_rust)" "$found" | sort -V | head -n 1)" = "$(wanted_rust)" ]
}

ensure_rust() {
    rust_is_new_enough && return 0
    local wanted
    wanted=$(wanted_rust)

    if ! has rustup && has apt-get; then
        update_package_lists
        # Debian has it from 13 on, Ubuntu from 24.04 on.
        [ -z "$(apt-cache madison rustup)" ] || install_packages rustup
        hash -r
    fi
    has rustup || fail \
        "Rust $wanted or newer is missing, and this system has no rustup package; install it with" \
        "    curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh -s -- -y --profile minimal --default-toolchain $wanted -c rustfmt -c clippy" \
        "and run this again"

    say "installing Rust $wanted with rustup"
    rustup toolchain install "$wanted" --profile minimal -c rustfmt -c clippy
    # The first toolchain of a user becomes the default by itself; an older default is the user's own business.
    if ! rust_is_new_enough; then
        say "using Rust $wanted in this folder; your default stays as it is"
        rustup override set "$wanted"
    fi
    rust_is_new_enough || fail \
        "another cargo comes before rustup's on the PATH: $(command -v cargo) is $(cargo --version 2>/dev/null || echo broken)" \
        "remove it, or put rustup's first, then run this again"
}

ensure_lint() {
    cargo fmt --version >/dev/null 2>&1 && cargo clippy --version >/dev/null 2>&1 && return 0
    has rustup || fail "rustfmt or clippy is missing; install them beside $(command -v cargo)"
    say "installing rustfmt and clippy with rustup"
    rustup component add rustfmt clippy
}

main "$@"

#!/bin/sh
# Prepares this computer for `make up` and `make test`: a Docker engine, Maven,
# the Pulumi CLI, and mmdebstrap where no container registry answers.
#
#   setup.sh           says what is missing, and installs it
#   setup.sh --tests   and PostgreSQL, which one of the tests' stores is kept in
#   setup.sh --check   only says it
#
# What it cannot install it names in one message, and then changes nothing.
# It may be interrupted and run again at any time.
set -eu

go_needed=26 # Go 1.26, as in go.mod
root=$(cd "$(dirname "$0")/.." && pwd)
log=$root/.weir/setup.log
pulumi_module=$root/.ci/tools/pulumi
dockerd_log=/var/log/weir-dockerd.log
dockerd_pid=/run/weir-dockerd.pid

has() { command -v "$1" >/dev/null 2>&1; }

fail() {
    printf 'weir: %s\n' "$*" >&2
    exit 1
}

check_computer() {
    how="install Go 1.$go_needed or newer (go.dev/doc/install) and put its bin directory first in PATH"
    has go || fail "Go is missing: $how."
    # Outside any module, or an old Go would fetch a new one on its own.
    version=$(cd / && GOTOOLCHAIN=local go env GOVERSION 2>/dev/null) || version=unknown
    minor=$(expr "$version" : 'go1\.\([0-9]*\)') || minor=0
    case $version in
    devel*) ;;
    *) [ "$minor" -ge "$go_needed" ] || fail "Go is too old: this is $version. Please $how." ;;
    esac
    case $(uname -s) in
    Linux) ;;
    Darwin) fail "the local stack and the tests need Linux, as their machines are containers with addresses of their own, which macOS cannot reach. Run them in a Debian or Ubuntu virtual machine. Stacks on machines of your own need no set-up: see README.md." ;;
    *) fail "the local stack and the tests need Linux (Debian or Ubuntu); this is $(uname -s)." ;;
    esac
    has git || fail "Git is missing: install it (on Debian and Ubuntu: apt-get install git)."
}

engine_answers() { has docker && docker info >/dev/null 2>&1; }

# The same digest as in testenv/image.go.
image() {
    printf 'weir-machine:%.12s' "$(cd "$root/testenv/image" && cat Dockerfile configure.sh packages | sha256sum)"
}

registry_answers() {
    docker image inspect debian:bookworm-slim >/dev/null 2>&1 ||
        timeout 10 docker manifest inspect debian:bookworm-slim >/dev/null 2>&1
}

pulumi_version() { sed -n 's|^.*github.com/pulumi/pulumi/pkg/v3 \(v[0-9.]*\).*$|\1|p' "$pulumi_module/go.mod"; }

# Sets packages, engine_missing and pulumi_missing to what is missing, and plan
# to how a person is told.
survey() {
    packages= engine_missing= pulumi_missing= plan=
    mmdebstrap="mmdebstrap debian-archive-keyring"
    [ "$(id -u)" = 0 ] || mmdebstrap="$mmdebstrap uidmap"

    if ! engine_answers; then
        engine_missing=yes
        has docker && has dockerd && has iptables || need "docker.io iptables" "the Docker engine, from the distribution"
        add "start the Docker engine"
        # Whether it is needed is known when the engine runs; see install_all.
        has mmdebstrap || add "$mmdebstrap: to build the machines' image from Debian's packages, if no container registry answers"
    elif ! docker image inspect "$(image)" >/dev/null 2>&1 && ! has mmdebstrap && ! registry_answers; then
        need "$mmdebstrap" "to build the machines' image from Debian's packages, as no container registry answers"
    fi
    has mvn || need maven "to fetch the software of clusters"
    if [ -n "$tests" ] && ! has initdb && ! ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1; then
        need postgresql "whose server tests of the calculator start"
    fi
    if ! has pulumi && [ "$(cat "$root/bin/pulumi.version" 2>/dev/null)" != "$(pulumi_version)" ]; then
        pulumi_missing=yes
        add "bin/pulumi: the Pulumi CLI $(pulumi_version), built from its Go module (once, about 5 minutes)"
    fi
}

need() {
    packages="$packages $1"
    add "$1: $2"
}

add() {
    plan="$plan
  $1"
}

# Ends with one message where the plan needs what is not there. Sets as_root.
check_rights() {
    as_root=
    [ -n "$packages$engine_missing" ] || return 0
    if [ -S /var/run/docker.sock ] && [ ! -w /var/run/docker.sock ]; then
        fail "the Docker engine refuses this user: run \`sudo usermod -aG docker $(id -un)\`, log in again, and repeat."
    fi
    if [ -n "$packages" ] && ! has apt-get; then
        fail "these are missing, and there is no apt-get to install them with:$plan
Please install them and repeat."
    fi
    [ "$(id -u)" != 0 ] || return 0
    if ! has sudo; then
        fail "these are missing, and to install them takes root or sudo:$plan
Please run \`$0\` as root once, and repeat."
    fi
    sudo -n true 2>/dev/null || [ -t 0 ] || fail "these are missing, and sudo asks for a password, which needs a terminal:$plan
Please run \`$0\` in a terminal once, and repeat."
    as_root=sudo
}

# Runs a command with its output in the log, and shows the log's end if it fails.
logged() {
    "$@" >>"$log" 2>&1 </dev/null && return
    tail -n 20 "$log" >&2
    fail "\`$*\` failed; all of its output is in $log."
}

install_packages() {
    echo "installing$packages"
    # Sources that do not answer matter only when a package is not found then.
    $as_root apt-get -o DPkg::Lock::Timeout=300 update >>"$log" 2>&1 </dev/null || true
    # shellcheck disable=SC2086 # words are wanted
    logged $as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get -o DPkg::Lock::Timeout=300 install -y --no-install-recommends $packages
}

run_engine() {
    ! engine_answers || return 0 # its package's scripts may have started it
    echo "starting the Docker engine"
    if [ -d /run/systemd/system ]; then
        logged $as_root systemctl enable --now docker
        where="journalctl -u docker"
    else
        # In a session of its own, so that it outlives this terminal; descriptor
        # 9 is our lock, which it must not keep.
        # shellcheck disable=SC2016 # expanded by the inner shell
        $as_root sh -c 'rm -f "$2"; setsid nohup dockerd --group "$3" --pidfile "$2" >>"$1" 2>&1 </dev/null 9>&- &' \
            sh "$dockerd_log" "$dockerd_pid" "$(id -gn)"
        where=$dockerd_log
    fi
    tries=0
    until engine_answers; do
        tries=$((tries + 1))
        [ "$tries" -lt 60 ] || engine_is_down
        sleep 1
    done
}

engine_is_down() {
    if [ -S /var/run/docker.sock ] && [ ! -w /var/run/docker.sock ]; then
        logged $as_root usermod -aG docker "$(id -un)"
        fail "the Docker engine runs, and $(id -un) is in its group from the next login on: log in again, and repeat."
    fi
    fail "the Docker engine does not answer after 60 s; see $where."
}

# Builds with its output in a log of its own: packages are installed meanwhile.
build_pulumi() {
    version=$(pulumi_version)
    log=$root/.weir/setup-pulumi.log
    mkdir -p "$root/bin"
    # Without the version linked in, nothing can tell which one it is.
    (cd "$pulumi_module" && GOWORK=off logged go build -o "$root/bin/pulumi.new" \
        -ldflags "-s -w -X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=$version" \
        github.com/pulumi/pulumi/pkg/v3/cmd/pulumi)
    mv "$root/bin/pulumi.new" "$root/bin/pulumi"
    echo "$version" >"$root/bin/pulumi.version"
}

# The build keeps the processors busy, and packages the network: at once they
# take hardly longer than the build. What ends this script early ends the build.
begin_pulumi() {
    echo "building the Pulumi CLI $(pulumi_version)"
    build_pulumi &
    building=$!
    trap 'kill "$building" 2>/dev/null || true' EXIT
    trap 'exit 1' HUP INT TERM
}

end_pulumi() {
    wait "$building" || exit 1
    trap - EXIT HUP INT TERM
}

install_all() {
    if [ -n "$pulumi_missing" ]; then begin_pulumi; fi
    if [ -n "$packages" ]; then install_packages; fi
    if [ -n "$engine_missing" ]; then
        run_engine
        survey
        if [ -n "$packages" ]; then install_packages; fi
    fi
    if [ -n "${building-}" ]; then end_pulumi; fi
}

tests=
case ${1-} in
"" | --check) ;;
--tests) tests=yes ;;
*) fail "usage: setup.sh [--check|--tests]" ;;
esac
check_computer
survey
if [ -n "$plan" ]; then
    check_rights
    if [ "${1-}" = --check ]; then
        echo "weir needs, and would install:$plan"
        exit 0
    fi
    mkdir -p "$root/.weir"
    exec 9>"$root/.weir/setup.lock"
    flock 9 # another run may be installing the same
    survey
fi
if [ -n "$plan" ]; then
    echo "weir needs, and will now install:$plan"
    install_all
fi
echo "weir has all it needs on this computer."

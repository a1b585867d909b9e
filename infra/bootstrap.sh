#!/usr/bin/env bash
# Installs what is missing, and says so: Debian packages, a virtual environment from the lock. A second run does nothing.
#   infra/bootstrap.sh run      what `make up` needs
#   infra/bootstrap.sh dev      and what the tests need
#   infra/bootstrap.sh check    what `make check` needs: no machine is started, so no Debian packages
set -euo pipefail
cd "$(dirname "$0")/.."

MODE="${1:-run}"
VENV=.venv
UV_VERSION=0.13.9
SYSTEM_LOG="$(mktemp -t bootstrap.XXXXXX)"
trap 'rm -f "$SYSTEM_LOG"' EXIT

BASE_PACKAGES=(python3 python3-venv util-linux bubblewrap tigervnc-standalone-server openbox xterm xclip
  libx11-6 libxext6 libxtst6 libxdamage1 libxfixes3 fonts-dejavu-core fonts-wqy-microhei ca-certificates)
BROWSER_PACKAGES=(chromium)
WINDOWS_PACKAGES=(wine wine64 fonts-wine)
DEV_PACKAGES=(xdotool scrot rabbitmq-server pgbouncer systemd ffmpeg)

say() { printf '%s\n' "$*"; }
warn() { printf '! %s\n' "$*"; }

# step "name" command…: shows the name, the seconds it takes, and the end of its output when it fails.
step() {
  local name="$1" start=$SECONDS shown=0 pid
  shift
  "$@" </dev/null >"$SYSTEM_LOG" 2>&1 &
  pid=$!
  printf '  %s …' "$name"
  while kill -0 "$pid" 2>/dev/null; do
    sleep 0.2
    if ((SECONDS - start >= shown + 10)); then
      shown=$((SECONDS - start))
      printf ' %ss' "$shown"
    fi
  done
  if wait "$pid"; then
    printf ' done in %ss\n' "$((SECONDS - start))"
    return 0
  fi
  printf ' failed\n'
  tail -n 12 "$SYSTEM_LOG" | sed 's/^/    /'
  return 1
}

as_root() {
  # RUNLEVEL: no service of a package is started by its installation; what we need of it we start ourselves.
  local quietly=(env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1)
  if [[ $EUID -eq 0 ]]; then "${quietly[@]}" "$@"; else sudo -n "${quietly[@]}" "$@"; fi
}

can_be_root() {
  [[ $EUID -eq 0 ]] && return 0
  command -v sudo >/dev/null || return 1
  # Asks for the password once where a person can answer; in a pipeline only a sudo without one will do.
  if [[ -t 0 ]]; then sudo -v; else sudo -n true 2>/dev/null; fi
}

missing() {
  local package
  for package in "$@"; do
    [[ "$(dpkg-query -W -f='${Status}' "$package" 2>/dev/null || true)" == "install ok installed" ]] || printf '%s\n' "$package"
  done
}

install_packages() {
  local what="$1" packages
  shift
  mapfile -t packages < <(missing "$@")
  ((${#packages[@]})) || return 0
  if ! can_be_root; then
    warn "missing packages for $what, and no way to be root: apt-get install ${packages[*]}"
    return 0
  fi
  if [[ -z "${APT_FRESH:-}" ]]; then
    step "Reading the package lists" as_root apt-get update -q || warn "apt-get update failed; trying with the lists there are"
    APT_FRESH=1
  fi
  step "Installing packages for $what (${packages[*]})" as_root apt-get install -y -q --no-install-recommends "${packages[@]}" ||
    warn "$what will not work: its packages could not be installed"
}

system_packages() {
  if ! command -v apt-get >/dev/null; then
    warn "this system has no apt-get: install bubblewrap, TigerVNC, openbox, xterm, xclip, chromium and wine yourself"
    return 0
  fi
  install_packages "desktops" "${BASE_PACKAGES[@]}"
  if grep -q '^ID=ubuntu' /etc/os-release; then
    command -v chromium >/dev/null || warn "browser instances are unavailable: Ubuntu has Chromium only as a snap, which runs in no sandbox"
  else
    install_packages "browser instances" "${BROWSER_PACKAGES[@]}"
  fi
  install_packages "windows instances" "${WINDOWS_PACKAGES[@]}"
  if [[ $MODE == dev ]]; then
    install_packages "tests" "${DEV_PACKAGES[@]}"
    command -v npm >/dev/null || install_packages "tests of JavaScript clients" nodejs npm
  fi
}

# Clients of other makers that the tests drive, as tests/js/package-lock.json pins them.
javascript_clients() {
  local stamp
  stamp="$(sha256sum tests/js/package-lock.json | cut -d' ' -f1)"
  [[ "$(cat tests/js/node_modules/.installed 2>/dev/null || true)" == "$stamp" ]] && return 0
  command -v npm >/dev/null || { warn "no npm: tests of JavaScript clients will fail"; return 0; }
  step "Installing JavaScript clients for tests" npm ci --prefix tests/js --no-progress --ignore-scripts || return 0
  printf '%s\n' "$stamp" >tests/js/node_modules/.installed
}

capabilities() {
  local namespaces=(bwrap --unshare-user --unshare-pid --unshare-net --ro-bind / / true)
  if ! command -v bwrap >/dev/null; then
    warn "no bubblewrap: machines can't start; the rest works"
  elif ! "${namespaces[@]}" 2>/dev/null; then
    warn "no user namespaces here: machines can't start; the rest works (sysctl kernel.unprivileged_userns_clone, kernel.apparmor_restrict_unprivileged_userns)"
  fi
  [[ -x /usr/lib/wine/wine64 ]] || warn "no Wine: windows instances are unavailable; the rest works"
}

find_python() {
  local candidate
  for candidate in "${PYTHON:-}" python3.11 python3.12 python3.13 python3 /usr/bin/python3; do
    [[ -n "$candidate" ]] && "$candidate" -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null &&
      { command -v "$candidate"; return 0; }
  done
  return 1
}

make_venv() {
  local python
  python="$(find_python)" || { say "Python 3.11, 3.12 or 3.13 with its venv module is needed (apt-get install python3-venv)"; exit 1; }
  step "Making a virtual environment with $python" "$python" -m venv "$VENV"
  step "Installing uv" "$VENV/bin/python" -m pip install --quiet --disable-pip-version-check "uv==$UV_VERSION" || true
}

# uv takes seconds where pip takes minutes; pip stays as the way for a mirror that only pip is configured for.
install_lock() {
  if [[ -x "$VENV/bin/uv" ]] && "$VENV/bin/uv" pip install --python "$VENV/bin/python" --require-hashes -r "$1"; then return 0; fi
  "$VENV/bin/python" -m pip install --disable-pip-version-check --require-hashes -r "$1"
}

stamp_of() { cat "requirements/$1.txt" requirements/client.txt | sha256sum | cut -d' ' -f1; }

stamped() { [[ "$(cat "$VENV/.installed-$1" 2>/dev/null || true)" == "$(stamp_of "$1")" ]]; }

virtual_environment() {
  local lock="$1"
  stamped "$lock" && return 0
  "$VENV/bin/python" -c 'import pip' 2>/dev/null || make_venv
  step "Installing $(grep -c '==' "requirements/$lock.txt") Python packages from requirements/$lock.txt" install_lock "requirements/$lock.txt"
  # dev holds all of the client's.
  if [[ $lock != dev ]]; then step "Installing the client's packages from requirements/client.txt" install_lock requirements/client.txt; fi
  # The checkout and its client are importable by every tool of the environment, as an editable install would make them.
  printf '%s\n' "$PWD" "$PWD/clients/python/src" >"$("$VENV/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/checkout.pth"
  printf '#!%s\nfrom orchestrator_client.cli import main\n\nmain()\n' "$PWD/$VENV/bin/python" >"$VENV/bin/orchestrator"
  chmod +x "$VENV/bin/orchestrator"
  stamp_of "$lock" >"$VENV/.installed-$lock"
  # dev holds all of base.
  if [[ $lock == dev ]]; then stamp_of base >"$VENV/.installed-base"; fi
}

case "$MODE" in
  run) system_packages; capabilities; virtual_environment base ;;
  dev) system_packages; capabilities; virtual_environment dev; javascript_clients ;;
  check) virtual_environment dev ;;
  *) say "usage: infra/bootstrap.sh run|dev|check"; exit 2 ;;
esac

set -eu
export LC_ALL=C PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive
tab=$(printf '\t')
umask 022
exec 3<&0 </dev/null # so that no command but take can read a content
take() { dd bs=65536 count="$1" iflag=fullblock,count_bytes status=none <&3; } # head -c may read ahead
aside() { # move what is not ours out of the way, never delete it
  mkdir -p /var/lib/weir/aside
  mv -fT -- "$1" "/var/lib/weir/aside/$(date +%Y%m%dT%H%M%S)-$$-${1##*/}"
}
put() { # PATH OWNER GROUP MODE SIZE SHA256: whole and on disk before it gets its name
  new=${1%/*}/.weir-new.${1##*/}
  mkdir -p "${1%/*}"
  (umask 077; take "$5" >"$new")
  if [ "$(sha256sum <"$new" | cut -c1-64)" != "$6" ]; then
    rm -f "$new"; echo "the content arrived damaged" >&2; return 1
  fi
  chown "$2:$3" "$new"
  chmod "$4" "$new"
  sync "$new"
  if [ -d "$1" ] && [ ! -L "$1" ]; then aside "$1"; fi
  mv -fT -- "$new" "$1"
}
directory() { # PATH OWNER GROUP MODE
  if [ -e "$1" ] && [ ! -d "$1" ]; then aside "$1"; fi
  mkdir -p "$1"
  chown "$2:$3" "$1"
  chmod "$4" "$1"
}
tree() { find "$1" -mindepth 1 -printf '%P\t%y\t%m\t%U\t%G\t%s\t%T@\n' | sort | sha256sum | cut -c1-64; }
unpack() { # DIR SHA256 SIZE TARFLAGS: verified against its own SHA256SUMS before it gets its name
  new=${1%/*}/.new-${1##*/}
  rm -rf "$new" "$1.old"
  mkdir -p "$new"
  if ! take "$3" | tar "$4" - -C "$new" --no-same-owner ||
    [ "$(sha256sum <"$new/SHA256SUMS" | cut -c1-64)" != "$2" ] ||
    ! (cd "$new" && sha256sum --check --strict --quiet SHA256SUMS >&2); then
    rm -rf "$new"; echo "the release did not arrive as the lock file says" >&2; return 1
  fi
  if [ -d "$1" ]; then mv -T "$1" "$1.old"; fi
  mv -T "$new" "$1"
  tree "$1" >"$1.tree"
  rm -rf "$1.old" # what runs from it keeps the files that it has opened
}
link() { mkdir -p "${1%/*}"; ln -sfn "$2" "$1.new"; mv -fT "$1.new" "$1"; } # PATH TARGET
mark() { mkdir -p /run/weir/restart; : >"/run/weir/restart/$1"; } # UNIT
started() { # UNIT: what the journal says is the reason a person needs
  if ! systemctl is-active --quiet "$1"; then
    journalctl --unit "$1" --lines 20 --no-pager --output cat >&2 || true
    return 1
  fi
  rm -f "/run/weir/restart/$1"
}
start() { systemctl reset-failed "$1" 2>/dev/null || true; systemctl start "$1" || true; started "$1"; }
restart() { systemctl reset-failed "$1" 2>/dev/null || true; systemctl restart "$1" || true; started "$1"; }
stop() { systemctl disable --quiet --now "$1" 2>/dev/null || systemctl stop "$1"; rm -f "/run/weir/restart/$1"; }
user() { # NAME HOME
  useradd --system --user-group --home-dir "$2" --no-create-home --shell /usr/sbin/nologin "$1"
}

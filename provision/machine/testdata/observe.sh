export LC_ALL=C PATH=/usr/sbin:/usr/bin:/sbin:/bin
tab=$(printf '\t')
row() { printf '%s' "$1"; shift; printf '\t%s' "$@"; printf '\n'; }
echo @facts
while IFS='=' read -r k v; do
  case $k in ID|VERSION_ID) row "$k" "$v" ;; esac
done </etc/os-release
while read -r k v _; do
  case $k in MemTotal:) row memory "$v"; break ;; esac
done </proc/meminfo
row arch "$(uname -m)"
row clock "$(date +%s)"
[ -d /run/systemd/system ] && row systemd yes
[ -w /proc/sys/vm/swappiness ] || row container yes
for c in apt-get dnf yum zypper pacman apk; do
  if command -v "$c" >/dev/null; then row packages "$c"; break; fi
done
echo @manifests
for f in /var/lib/weir/manifest/*.json; do
  [ -f "$f" ] && row "${f##*/}" "$(head -c 262144 "$f" | base64 -w0)"
done
echo @packages
command -v java >/dev/null && row openjdk-17-jre-headless provided
if command -v dpkg-query >/dev/null; then dpkg-query -W -f='${Package}\t${Version}\t${db:Status-Status}\n' openjdk-17-jre-headless 2>/dev/null
elif command -v rpm >/dev/null; then rpm -q --qf '%{NAME}\t%{VERSION}\tinstalled\n' openjdk-17-jre-headless 2>/dev/null; fi
echo @users
getent passwd weir-kafka
echo @stat
stat --printf='%n\t%F\t%a\t%U\t%G\t%s\n' -- /etc/weir/kafka /var/lib/weir/kafka /etc/weir/kafka/server.properties /etc/systemd/system/weir-kafka.service '/etc/weir/kafka/it'\''s "$(touch pwned)" für .properties' 2>/dev/null
echo @sums
sums=$(sha256sum -- /etc/weir/kafka/server.properties /etc/systemd/system/weir-kafka.service '/etc/weir/kafka/it'\''s "$(touch pwned)" für .properties' 2>/dev/null)
printf '%s\n' "$sums"
echo @contents
body() {
  case $sums in *"$2  $1"*) return ;; esac
  if [ -f "$1" ] && [ ! -L "$1" ]; then row "$1" "$(head -c 65537 "$1" | base64 -w0)"; fi
}
body /etc/weir/kafka/server.properties dbd2d79d337ff806863e988ed4763003131d6aa4a42548cb9fae1a0e0d1b713e
body /etc/systemd/system/weir-kafka.service 40d8baaabac85ad8ac5a2ec40dd065b4ea0fb47c25ce3ddad4c290d22503c90f
body '/etc/weir/kafka/it'\''s "$(touch pwned)" für .properties' ff87b8314e733bd3dab634ac2d82563548b6e66e37b1079823a864c940aeb023
echo @strangers
row /etc/weir/kafka "$(find /etc/weir/kafka -mindepth 1 -maxdepth 1 -print0 2>/dev/null | head -c 65536 | base64 -w0)"
echo @releases
tree() { find "$1" -mindepth 1 -printf '%P\t%y\t%m\t%U\t%G\t%s\t%T@\n' | sort | sha256sum | cut -c1-64; }
release() {
  [ -f "$1/SHA256SUMS" ] || return 0
  digest=$(sha256sum <"$1/SHA256SUMS"); was=
  if [ -f "$1.tree" ]; then read -r was <"$1.tree"; fi
  [ "$(tree "$1")" = "$was" ] && state=intact || state=altered
  row "$1" "${digest%% *}" "$state"
}
release /opt/weir/releases/kafka-3.9.2-dc9c5edb8b2d
echo @links
[ -L /opt/weir/kafka/current ] && row /opt/weir/kafka/current "$(readlink /opt/weir/kafka/current)"
echo @services
shown=$(systemctl show --property=Id,LoadState,ActiveState,SubState,UnitFileState,NeedDaemonReload,MainPID,NRestarts,DropInPaths -- weir-kafka.service 2>/dev/null)
printf '%s\n' "$shown"
echo @pending
[ -e /run/weir/restart/weir-kafka.service ] && row weir-kafka.service yes
echo @listeners
case $shown in *ActiveState=[!a]*|*ActiveState=activating*)
  if command -v ss >/dev/null; then ss -Hltnp | head -n 500
  else awk '$4 == "0A" { print $2 }' /proc/net/tcp /proc/net/tcp6 | head -n 500; fi ;;
esac
echo @end

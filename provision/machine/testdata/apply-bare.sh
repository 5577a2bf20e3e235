echo begin 0
if command -v apt-get >/dev/null; then
  apt-get -qq -o DPkg::Lock::Timeout=120 update >&2 || true
  apt-get -qq -o DPkg::Lock::Timeout=120 install --yes --no-install-recommends openjdk-17-jre-headless >&2
elif command -v dnf >/dev/null; then dnf --quiet --assumeyes install java-17-openjdk-headless >&2
elif command -v yum >/dev/null; then yum --quiet --assumeyes install java-17-openjdk-headless >&2
elif command -v zypper >/dev/null; then zypper --quiet --non-interactive install java-17-openjdk-headless >&2
elif command -v pacman >/dev/null; then pacman --sync --refresh --needed --noconfirm jre17-openjdk-headless >&2
elif command -v apk >/dev/null; then apk add --quiet openjdk17-jre-headless >&2
else echo 'no package manager that weir knows (apt-get, dnf, yum, zypper, pacman, apk): install by hand: openjdk-17-jre-headless' >&2; false; fi
echo done 0
echo begin 1
put /var/lib/weir/manifest/kafka.json root root 0644 470 6cc13135f669d8d6173ffc86c046cda70388cd72445099ad12016396753a8283
echo done 1
echo begin 2
user weir-kafka /var/lib/weir/kafka
echo done 2
echo begin 3
directory /etc/weir/kafka root root 0755
echo done 3
echo begin 4
directory /var/lib/weir/kafka weir-kafka weir-kafka 0750
echo done 4
echo begin 5
unpack /opt/weir/releases/kafka-3.9.2-dc9c5edb8b2d dc9c5edb8b2d479e697b4b0b8ab874f32b325138598ce9e7b759eb8292110622 0 -xf
echo done 5
echo begin 6
put /etc/weir/kafka/server.properties root root 0644 12 dbd2d79d337ff806863e988ed4763003131d6aa4a42548cb9fae1a0e0d1b713e
echo done 6
echo begin 7
put /etc/systemd/system/weir-kafka.service root root 0644 10 40d8baaabac85ad8ac5a2ec40dd065b4ea0fb47c25ce3ddad4c290d22503c90f
echo done 7
echo begin 8
put '/etc/weir/kafka/it'\''s "$(touch pwned)" für .properties' root root 0600 25 ff87b8314e733bd3dab634ac2d82563548b6e66e37b1079823a864c940aeb023
echo done 8
echo begin 9
link /opt/weir/kafka/current /opt/weir/releases/kafka-3.9.2-dc9c5edb8b2d
echo done 9
echo begin 10
systemctl enable --quiet --no-reload weir-kafka.service
echo done 10
systemctl daemon-reload
echo begin 11
start weir-kafka.service
echo done 11

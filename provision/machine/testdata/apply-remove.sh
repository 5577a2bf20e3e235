echo begin 0
stop weir-kafka.service
echo done 0
echo begin 1
rm -f -- /etc/sysctl.d/60-weir-kafka.conf
echo done 1
echo begin 2
rm -f -- /etc/systemd/system/weir-kafka.service
echo done 2
echo begin 3
rm -f -- /etc/weir/kafka/server.properties
echo done 3
echo begin 4
rm -f -- /opt/weir/kafka/current
echo done 4
echo begin 5
rm -rf -- /opt/weir/releases/kafka-3.9.2-dc9c5edb8b2d /opt/weir/releases/kafka-3.9.2-dc9c5edb8b2d.tree /opt/weir/releases/kafka-3.9.2-dc9c5edb8b2d.old
echo done 5
echo begin 6
rmdir --ignore-fail-on-non-empty -- /etc/weir/kafka 2>/dev/null || true
echo done 6
echo begin 7
rm -rf -- /var/lib/weir/kafka
echo done 7
echo begin 8
rm -f -- /var/lib/weir/manifest/kafka.json
echo done 8
systemctl daemon-reload

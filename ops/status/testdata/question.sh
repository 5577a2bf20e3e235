export LC_ALL=C
read -r up idle </proc/uptime && echo "uptime $up"
read -r load rest </proc/loadavg && echo "load $load"
echo "disk 0 $(stat -f -c '%S %b %a' '/data with a blank/zk' 2>/dev/null)"
echo "disk 1 $(stat -f -c '%S %b %a' /home/fams/kafka-logs 2>/dev/null)"
echo "myid $(head -c 16 '/data with a blank/zk/myid' 2>/dev/null | tr -cd '0-9A-Za-z')"
systemctl show --no-pager -p Id,LoadState,ActiveState,SubState,MainPID,NRestarts,ActiveEnterTimestampMonotonic -- weir-zookeeper.service weir-kafka.service weir-producer.service
echo end

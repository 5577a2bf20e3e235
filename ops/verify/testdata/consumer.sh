set -u
export LC_ALL=C
dir=$(mktemp -d) || exit 1
tool=
trap 'test -z "$tool" || kill "$tool" 2>/dev/null; rm -rf "$dir"' EXIT
trap 'exit 143' HUP INT TERM
export LOG_DIR="$dir" KAFKA_HEAP_OPTS=-Xmx128m
export KAFKA_JVM_PERFORMANCE_OPTS="-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
mkfifo "$dir/out" || exit 1
timeout -k 2 22 /opt/weir/kafka/current/bin/kafka-console-consumer.sh --bootstrap-server 192.168.1.1:9092,192.168.1.2:9092,192.168.1.3:9092 --topic weir-verify --partition 2 --offset 41 >"$dir/out" 2>"$dir/err" &
tool=$!
grep --line-buffered -F -m 30 -e 'console 1700000000-abc ' <"$dir/out"
found=$?
kill "$tool" 2>/dev/null
wait "$tool" 2>/dev/null
tool=
if [ "$found" -ne 0 ]; then tail -n 5 "$dir/err" >&2; fi
exit 0

set -u
export LC_ALL=C
dir=$(mktemp -d) || exit 1
tool=
trap 'test -z "$tool" || kill "$tool" 2>/dev/null; rm -rf "$dir"' EXIT
trap 'exit 143' HUP INT TERM
export LOG_DIR="$dir" KAFKA_HEAP_OPTS=-Xmx128m
export KAFKA_JVM_PERFORMANCE_OPTS="-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
timeout -k 2 22 /opt/weir/kafka/current/bin/kafka-console-producer.sh --bootstrap-server 192.168.1.1:9092,192.168.1.2:9092,192.168.1.3:9092 --topic weir-verify --sync --timeout 0 --request-required-acks all --property parse.key=true --property key.separator=: >/dev/null

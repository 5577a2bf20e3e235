# What all programs in this directory share. Read by each with `.`; POSIX sh.
#
# Settings from the environment, as in Apache's own scripts: JAVA_HOME,
# KAFKA_HEAP_OPTS, KAFKA_JVM_PERFORMANCE_OPTS, KAFKA_LOG4J_OPTS, KAFKA_JMX_OPTS,
# KAFKA_OPTS, CLASSPATH, and for servers LOG_DIR and JMX_PORT. And our own:
# WEIR_TMPDIR, where native codecs are unpacked (else TMPDIR), and
# WEIR_KAFKA_CONFIG_DIR, where producer.properties names the cluster's brokers.
# Values are split at blanks.

set -f # options are split into words, never into file names

self=${0##*/}
here=$(readlink -f -- "$0")
root=${here%/bin/*}

say() { printf '%s: %s\n' "$self" "$*" >&2; }
fail() { say "$@"; exit 2; }

find_java() {
  if [ -n "${JAVA_HOME:-}" ]; then
    java=$JAVA_HOME/bin/java
    [ -x "$java" ] || fail "JAVA_HOME is $JAVA_HOME, but there is no $java: correct JAVA_HOME or unset it"
  else
    java=$(command -v java) ||
      fail "no java on PATH: install one (Debian and Ubuntu: apt-get install openjdk-17-jre-headless) or set JAVA_HOME"
  fi
}

# Tools live for seconds: the small compiler and collector start them with a
# third less work. Servers live for months, and long pauses cost them their
# session; with -XX:TieredStopAtLevel=1 in KAFKA_JVM_PERFORMANCE_OPTS they too
# start with a third less, which suits a test cluster, and serve more slowly.
quick_jvm='-XX:+UseSerialGC -XX:TieredStopAtLevel=1'
server_jvm='-XX:+UseG1GC -XX:MaxGCPauseMillis=20 -XX:InitiatingHeapOccupancyPercent=35 -XX:+ExplicitGCInvokesConcurrent'

start_java() { # HEAP JVM-OPTIONS LOG4J-FILE ARGUMENT...: does not return
  heap=${KAFKA_HEAP_OPTS:-$1}
  jvm=${KAFKA_JVM_PERFORMANCE_OPTS:-$2}
  logging=${KAFKA_LOG4J_OPTS:-}
  log_file=$root/config/$3
  shift 3
  find_java
  tmp=${WEIR_TMPDIR:-${TMPDIR:-}}
  # shellcheck disable=SC2086 # these are lists of options
  exec "$java" $heap $jvm -XX:-UsePerfData -Djava.awt.headless=true \
    ${tmp:+"-Djava.io.tmpdir=$tmp"} \
    ${logging:-"-Dlog4j.configuration=file:$log_file"} \
    ${KAFKA_JMX_OPTS:-} ${KAFKA_OPTS:-} \
    -cp "${CLASSPATH:+$CLASSPATH:}$root/libs/*" "$@"
}

brokers() { # the cluster's own, for flags that used to name ZooKeeper
  file=${WEIR_KAFKA_CONFIG_DIR:-/etc/weir/kafka}/producer.properties
  found=$(sed -n 's/^[[:blank:]]*bootstrap\.servers[[:blank:]]*[=:][[:blank:]]*//p' "$file" 2>/dev/null | tail -n 1)
  [ -n "$found" ] ||
    fail "--zookeeper is no flag of Kafka 3 and $file names no bootstrap.servers: give --bootstrap-server HOST:PORT instead"
  printf '%s\n' "$found"
}

# tool runs a command-line tool. OLD-FLAGS are those of Kafka 0.8 that it is
# given in today's words: a person who follows an old text gets there, and
# learns the new flag. Every other argument is passed on exactly as it is.
tool() { # CLASS OLD-FLAGS ARGUMENT...
  class=$1 old=$2
  shift 2
  given=' '
  for argument; do given="$given${argument%%=*} "; done
  left=$#
  while [ "$left" -gt 0 ]; do
    argument=$1 left=$((left - 1))
    shift
    flag=${argument%%=*}
    case $flag in *' '*) flag= ;; esac
    case " $old " in *" $flag "*) ;; *) flag= ;; esac
    if [ -z "$flag" ]; then
      set -- "$@" "$argument"
      continue
    fi
    case $argument in
    *=*) value=${argument#*=} ;;
    *)
      [ "$left" -gt 0 ] || fail "$flag needs a value"
      value=$1 left=$((left - 1))
      shift
      ;;
    esac
    case $flag in
    --partition) new=--partitions ;;
    --broker-list) new=--bootstrap-server ;;
    --zookeeper)
      new=--bootstrap-server
      case $given in *' --bootstrap-server '*)
        say "--zookeeper $value is left out: Kafka 3 asks the brokers"
        continue
        ;;
      esac
      value=$(brokers) || exit
      ;;
    esac
    say "$flag is today's $new: using $new $value"
    set -- "$@" "$new" "$value"
  done
  start_java -Xmx256M "${tool_jvm:-$quick_jvm}" tools-log4j.properties "$class" "$@"
}

memory() { # MB that this process may use: the machine's, or its control groups' if less
  least=$(sed -n 's/^MemTotal: *\([0-9]*\) kB$/\1/p' /proc/meminfo)
  least=$((least / 1024))
  while IFS=: read -r _ controllers group; do
    case $controllers in
    '') top=/sys/fs/cgroup limit=memory.max ;;
    memory | memory,* | *,memory | *,memory,*) top=/sys/fs/cgroup/memory limit=memory.limit_in_bytes ;;
    *) continue ;;
    esac
    # A limit on any group above holds too.
    while :; do
      bytes=
      if [ -r "$top$group/$limit" ]; then read -r bytes <"$top$group/$limit" || :; fi
      case $bytes in
      '' | *[!0-9]*) ;; # "max", or a group of another container's view
      *) [ $((bytes / 1048576)) -ge "$least" ] || least=$((bytes / 1048576)) ;;
      esac
      [ -n "$group" ] || break
      group=${group%/*}
    done
  done </proc/self/cgroup
  echo "$least"
}

size_heap() { # SHARE LEAST MOST: sets heap to the memory's SHARE-th part, in MB
  total=$(memory)
  megabytes=$((total / $1))
  [ "$megabytes" -ge "$2" ] || megabytes=$2
  [ "$megabytes" -le "$3" ] || megabytes=$3
  heap="-Xms${megabytes}m -Xmx${megabytes}m"
  say "heap $megabytes MB, from $total MB of memory (KAFKA_HEAP_OPTS sets another)"
}

server() { # NAME CLASS SHARE LEAST MOST ARGUMENT...
  name=$1 class=$2 share=$3 least_heap=$4 most_heap=$5
  shift 5
  case ${1:-} in
  -daemon) fail "-daemon is not needed: systemctl start weir-$name.service" ;;
  '' | -h | --help) fail "expected a configuration file: $self FILE" ;;
  esac
  [ -r "$1" ] || fail "cannot read $1: expected a configuration file (weir's are in /etc/weir/$name)"
  heap=${KAFKA_HEAP_OPTS:-}
  if [ -z "$heap" ]; then size_heap "$share" "$least_heap" "$most_heap"; fi
  set -- "$class" "$@"
  if [ -n "${JMX_PORT:-}" ]; then
    # Only from this machine: who reaches an open JMX port runs what he likes.
    set -- "-Dcom.sun.management.jmxremote.port=$JMX_PORT" "-Dcom.sun.management.jmxremote.rmi.port=$JMX_PORT" \
      -Dcom.sun.management.jmxremote.host=127.0.0.1 -Djava.rmi.server.hostname=127.0.0.1 \
      -Dcom.sun.management.jmxremote.authenticate=false -Dcom.sun.management.jmxremote.ssl=false "$@"
  fi
  if [ -n "${LOG_DIR:-}" ] && [ -w "$LOG_DIR" ]; then
    set -- "-Dkafka.logs.dir=$LOG_DIR" "-Xlog:gc*:file=$LOG_DIR/$name-gc.log:time,tags:filecount=5,filesize=20M" "$@"
  fi
  start_java "$heap" "$server_jvm" log4j.properties "$@"
}

stop_unit() { # UNIT: this cluster's service only, whatever else runs on the machine
  say "stopping $1 (weir starts it again where it is declared running)"
  exec systemctl stop "$1"
}

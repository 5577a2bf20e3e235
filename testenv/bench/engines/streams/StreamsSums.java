import java.math.BigDecimal;
import java.math.RoundingMode;
import java.nio.ByteBuffer;
import java.util.HashMap;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StoreQueryParameters;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.QueryableStoreTypes;
import org.apache.kafka.streams.state.Stores;

/**
 * The calculator's sums as a Kafka Streams program: a store for each input
 * partition, so that nothing is shuffled; RocksDB, a changelog and
 * exactly_once_v2; the store's cache is on, and a message is parsed by hand.
 *
 * <p>Arguments: brokers, topic, messages in it, state directory. It prints
 * "counted N" as it goes, and in the end "sum PAGE N CLICKS STAY LIKE" for every
 * page, STAY in units of 1e-9.
 */
public final class StreamsSums {
  static final AtomicLong counted = new AtomicLong();

  public static void main(String[] args) throws Exception {
    long messages = Long.parseLong(args[2]);
    Properties p = new Properties();
    p.put(StreamsConfig.APPLICATION_ID_CONFIG, "bench-streams-" + ProcessHandle.current().pid() + "-" + System.nanoTime());
    p.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, args[0]);
    p.put(StreamsConfig.STATE_DIR_CONFIG, args[3]);
    p.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
    p.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, 1);
    p.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, 2000);
    p.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, 64 << 20);
    p.put(StreamsConfig.consumerPrefix(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG), "earliest");
    p.put(StreamsConfig.consumerPrefix(ConsumerConfig.MAX_POLL_RECORDS_CONFIG), 10_000);
    p.put(StreamsConfig.consumerPrefix(ConsumerConfig.MAX_PARTITION_FETCH_BYTES_CONFIG), 4 << 20);

    Topology t = new Topology();
    t.addSource("in", Serdes.ByteArray().deserializer(), Serdes.ByteArray().deserializer(), args[1]);
    t.addProcessor("sums", Sums::new, "in");
    t.addStateStore(
        Stores.keyValueStoreBuilder(Stores.persistentKeyValueStore("sums"), Serdes.Bytes(), Serdes.ByteArray())
            .withCachingEnabled(),
        "sums");
    KafkaStreams streams = new KafkaStreams(t, p);
    streams.setUncaughtExceptionHandler(
        e -> {
          e.printStackTrace();
          Runtime.getRuntime().halt(1);
          return null;
        });
    streams.start();
    while (counted.get() < messages) {
      Thread.sleep(100);
      System.out.println("counted " + counted.get());
    }
    print(streams);
    System.out.flush();
    streams.close();
  }

  /** Adds up the partitions' stores. */
  static void print(KafkaStreams streams) {
    Map<String, long[]> pages = new HashMap<>();
    try (var all = streams.store(StoreQueryParameters.fromNameAndType("sums", QueryableStoreTypes.<Bytes, byte[]>keyValueStore())).all()) {
      while (all.hasNext()) {
        var entry = all.next();
        long[] sums = pages.computeIfAbsent(new String(entry.key.get()), k -> new long[4]);
        ByteBuffer value = ByteBuffer.wrap(entry.value);
        for (int i = 0; i < 4; i++) sums[i] = Math.addExact(sums[i], value.getLong(8 * i));
      }
    }
    pages.forEach((page, s) -> System.out.println("sum " + page + " " + s[0] + " " + s[1] + " " + s[2] + " " + s[3]));
  }

  static final class Sums implements Processor<byte[], byte[], Void, Void> {
    private KeyValueStore<Bytes, byte[]> store;

    @Override
    public void init(ProcessorContext<Void, Void> context) {
      store = context.getStateStore("sums");
    }

    @Override
    public void process(Record<byte[], byte[]> record) {
      byte[] text = record.value();
      int first = next(text, 0), second = next(text, first + 1), third = next(text, second + 1);
      Bytes page = Bytes.wrap(java.util.Arrays.copyOf(text, first));
      byte[] old = store.get(page);
      ByteBuffer sums = ByteBuffer.allocate(32); // a new one: the cache holds the old
      if (old != null) sums.put(old).rewind();
      add(sums, 0, 1);
      add(sums, 8, whole(text, first + 1, second));
      add(sums, 16, nano(text, second + 1, third));
      add(sums, 24, whole(text, third + 1, text.length));
      store.put(page, sums.array());
      counted.lazySet(counted.getPlain() + 1); // one thread counts
    }
  }

  static void add(ByteBuffer sums, int at, long more) {
    sums.putLong(at, Math.addExact(sums.getLong(at), more));
  }

  static int next(byte[] text, int from) {
    while (text[from] != '|') from++;
    return from;
  }

  static long whole(byte[] text, int from, int to) {
    boolean negative = text[from] == '-';
    long n = 0;
    for (int i = negative ? from + 1 : from; i < to; i++) n = 10 * n + text[i] - '0';
    return negative ? -n : n;
  }

  /** A decimal in units of 1e-9, half to even. */
  static long nano(byte[] text, int from, int to) {
    long n = 0;
    int digits = -1; // behind the point
    for (int i = from; i < to; i++) {
      byte c = text[i];
      if (c == '.') {
        digits = 0;
      } else if (c == 'E' || digits == 9) {
        return new BigDecimal(new String(text, from, to - from)).movePointRight(9).setScale(0, RoundingMode.HALF_EVEN).longValueExact();
      } else {
        n = 10 * n + c - '0';
        if (digits >= 0) digits++;
      }
    }
    for (int i = Math.max(digits, 0); i < 9; i++) n *= 10;
    return n;
  }
}

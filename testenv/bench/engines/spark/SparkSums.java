import java.util.HashMap;
import java.util.Map;
import org.apache.spark.api.java.function.VoidFunction2;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.streaming.StreamingQuery;

/**
 * The calculator's sums as a Spark Structured Streaming program: local, built-in
 * functions, decimals, the RocksDB state store.
 *
 * <p>Arguments: brokers, topic, messages in it, directory of its own, messages a
 * batch. It prints "counted N" after every batch, and in the end
 * "sum PAGE N CLICKS STAY LIKE" for every page, STAY in units of 1e-9.
 */
public final class SparkSums {
  static final Map<String, Row> pages = new HashMap<>();
  static long counted;

  public static void main(String[] args) throws Exception {
    long messages = Long.parseLong(args[2]);
    SparkSession spark =
        SparkSession.builder()
            .master("local[1]")
            .config("spark.ui.enabled", "false")
            .config("spark.local.dir", args[3] + "/local")
            .config("spark.sql.warehouse.dir", args[3] + "/warehouse")
            .config("spark.sql.shuffle.partitions", "1") // on one core more only cost
            .config("spark.sql.streaming.stateStore.providerClass", "org.apache.spark.sql.execution.streaming.state.RocksDBStateStoreProvider")
            .config("spark.sql.streaming.stateStore.rocksdb.changelogCheckpointing.enabled", "true")
            .getOrCreate();
    spark.sparkContext().setLogLevel("WARN");
    Dataset<Row> sums =
        spark
            .readStream()
            .format("kafka")
            .option("kafka.bootstrap.servers", args[0])
            .option("subscribe", args[1])
            .option("startingOffsets", "earliest")
            .option("maxOffsetsPerTrigger", args[4])
            .load()
            .selectExpr("split(cast(value as string), '[|]') as f")
            .selectExpr(
                "f[0] as page",
                "cast(f[1] as bigint) as clicks",
                "bround(cast(f[2] as decimal(38,18)), 9) as stay",
                "cast(f[3] as bigint) as like")
            .groupBy("page")
            .agg(Map.of("*", "count", "clicks", "sum", "stay", "sum", "like", "sum"))
            .selectExpr("page", "`count(1)` as n", "`sum(clicks)` as clicks", "`sum(stay)` as stay", "`sum(like)` as like");
    VoidFunction2<Dataset<Row>, Long> keep =
        (batch, id) -> {
          for (Row row : batch.collectAsList()) {
            Row old = pages.put(row.getString(0), row);
            counted += row.getLong(1) - (old == null ? 0 : old.getLong(1));
          }
          System.out.println("counted " + counted);
        };
    StreamingQuery query =
        sums.writeStream().outputMode("update").option("checkpointLocation", args[3] + "/checkpoint").foreachBatch(keep).start();
    query.processAllAvailable();
    if (counted != messages) {
      throw new IllegalStateException(counted + " messages are counted, want " + messages);
    }
    query.stop();
    pages.forEach(
        (page, row) ->
            System.out.println(
                "sum " + page + " " + row.getLong(1) + " " + row.getLong(2) + " "
                    + row.getDecimal(3).movePointRight(9).toBigIntegerExact() + " " + row.getLong(4)));
    System.out.flush();
    spark.stop();
  }
}

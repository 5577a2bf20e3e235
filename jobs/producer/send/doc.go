// Package send writes partitions with Kafka's produce request, in record
// batches of its own, without the channel hop a record that the client
// library's producer makes: a batch is filled by whoever makes records, byte by
// byte as it is sent, and passed on as a whole.
//
// With acknowledgement by all in-sync replicas it is idempotent. Then every
// record that was handed over is in its partition once, in the order of
// hand-over, whatever happens to brokers, leaders and connections; or Run ends
// with an error that says what is not known to be. How:
//
//   - Each partition has a producer id, a connection and a window of batches in
//     flight of its own (5, as many as a broker remembers, KAFKA-5494), so that
//     partitions need not agree on anything.
//   - What has no answer, or one that may pass, is sent again: the same records
//     under the same sequence number, so that a broker that has them already
//     knows them. Before the first acknowledgement under a producer id one batch
//     is in flight at a time: a broker that knows nothing of a producer takes
//     any sequence number for its first (KIP-360), and two batches on their way
//     could then change places.
//   - A number that a broker refuses though everything before it was
//     acknowledged means that acknowledged records are gone. That ends Run: to
//     go on under a new epoch, as other producers do, would hide the loss.
//
// Without idempotence, nothing is lost either where acknowledgements are asked
// for, but a failure can leave records twice or out of order.
//
// A run's records can be gone on with after the process was killed: TakeOver
// keeps what the killed one may still have on its way out of the partition, and
// Last finds how far it came.
//
// Limits: record batches of format 2 (Kafka 0.11 and newer). A producer id is
// forgotten by brokers after a day without records (producer.id.expiration.ms);
// what is sent again after that can be there twice.
package send

package verify

import "weir/ops/internal/murmur"

// javaPartition is the partition that Kafka's Java producer gives a key.
func javaPartition(key []byte, partitions int) int32 { return murmur.Partition(key, partitions) }

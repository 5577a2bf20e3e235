// Package murmur chooses partitions as Kafka's Java producer does.
package murmur

import "encoding/binary"

// Partition is the partition that Kafka's Java producer gives a key: the
// 32-bit murmur2 of it, without its sign, modulo the number of partitions
// (org.apache.kafka.common.utils.Utils.murmur2 and toPositive).
func Partition(key []byte, partitions int) int32 {
	return int32(int(murmur2(key)&0x7fffffff) % partitions)
}

func murmur2(data []byte) uint32 {
	const seed, m, r = 0x9747b28c, 0x5bd1e995, 24
	h := uint32(seed) ^ uint32(len(data))
	for ; len(data) >= 4; data = data[4:] {
		k := binary.LittleEndian.Uint32(data) * m
		k = (k ^ k>>r) * m
		h = h*m ^ k
	}
	for i := len(data) - 1; i >= 0; i-- {
		h ^= uint32(data[i]) << (8 * i)
		if i == 0 {
			h *= m
		}
	}
	h = (h ^ h>>13) * m
	return h ^ h>>15
}

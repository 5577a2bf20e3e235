// Command drain is the least that a program can do which fetches a topic with
// sarama: it asks for each partition's records with Broker.Fetch, the next ones
// while those before are walked through, and touches every record. Nothing is
// parsed, added up or kept. It is what a calculator is measured against.
//
// It prints "counted N" as it goes, until it has as many as it was told.
package main

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/IBM/sarama"
)

func main() {
	bootstrap := flag.String("bootstrap-server", "127.0.0.1:9092", "brokers, with commas between them")
	topic := flag.String("topic", "", "what to read")
	messages := flag.Int64("messages", 0, "how many it holds")
	flag.Parse()
	if err := drain(strings.Split(*bootstrap, ","), *topic, *messages); err != nil {
		fmt.Fprintln(os.Stderr, "drain:", err)
		os.Exit(1)
	}
}

// What is fetched at a time: as much as the calculator asks for.
const (
	fetchBytes = 4 << 20
	fetchWait  = 250 // milliseconds
)

// touched keeps the compiler from leaving the records alone.
var touched atomic.Int64

func drain(brokers []string, topic string, messages int64) error {
	config := sarama.NewConfig()
	config.Version = sarama.V2_8_0_0
	client, err := sarama.NewClient(brokers, config)
	if err != nil {
		return err
	}
	defer client.Close()
	partitions, err := client.Partitions(topic)
	if err != nil {
		return err
	}
	var counted atomic.Int64
	failed := make(chan error, len(partitions))
	for _, partition := range partitions {
		go func() { failed <- drainPartition(client, topic, partition, &counted) }()
	}
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for running := len(partitions); ; {
		select {
		case err := <-failed:
			if running--; err != nil {
				return err
			}
		case <-tick.C:
		}
		n := counted.Load()
		fmt.Println("counted", n)
		if n >= messages {
			return nil
		}
		if running == 0 {
			return fmt.Errorf("%s has %d messages, want %d", topic, n, messages)
		}
	}
}

func drainPartition(client sarama.Client, topic string, partition int32, counted *atomic.Int64) error {
	end, err := client.GetOffset(topic, partition, sarama.OffsetNewest)
	if err != nil {
		return err
	}
	leader, err := client.Leader(topic, partition)
	if err != nil {
		return err
	}
	batches := make(chan []*sarama.Records, 1) // the next ones are fetched while some are walked through
	var fetched error
	var fetching sync.WaitGroup
	fetching.Go(func() {
		defer close(batches)
		fetched = fetchAll(leader, topic, partition, end, batches)
	})
	for sets := range batches {
		n, sum := int64(0), int64(0)
		for _, set := range sets {
			for _, r := range set.RecordBatch.Records {
				for _, b := range r.Value {
					sum += int64(b)
				}
				n++
			}
		}
		touched.Add(sum)
		counted.Add(n)
	}
	fetching.Wait()
	return fetched
}

func fetchAll(leader *sarama.Broker, topic string, partition int32, end int64, batches chan<- []*sarama.Records) error {
	for next := int64(0); next < end; {
		request := &sarama.FetchRequest{Version: 4, MinBytes: 1, MaxBytes: fetchBytes, MaxWaitTime: fetchWait}
		request.AddBlock(topic, partition, next, fetchBytes, -1)
		response, err := leader.Fetch(request)
		if err != nil {
			return err
		}
		block := response.GetBlock(topic, partition)
		if block == nil || block.Err != sarama.ErrNoError {
			return fmt.Errorf("fetch %s-%d from offset %d: %v", topic, partition, next, block)
		}
		for _, set := range block.RecordsSet {
			next = set.RecordBatch.LastOffset() + 1
		}
		batches <- block.RecordsSet
	}
	return nil
}

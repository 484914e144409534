// Command franz is franz-go: an idempotent producer (its default) and a consumer that is assigned its partitions.
// README.md, one folder up, lists the verbs; records.go holds the rule.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

const silence = 60 * time.Second // without a record, or an answer, after which the client gives up

var codecs = map[string]kgo.CompressionCodec{
	"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(),
	"lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression(),
}

func main() {
	if len(os.Args) < 4 {
		fail(errors.New("usage: franz create|delete BOOTSTRAP TOPIC… | member BOOTSTRAP GROUP TOPIC | produce BOOTSTRAP N BASE TOPIC=CODEC… | consume BOOTSTRAP N TOPIC…"))
	}
	verb, bootstrap, rest := os.Args[1], os.Args[2], os.Args[3:]
	switch verb {
	case "create", "delete":
		administer(verb, bootstrap, rest)
	case "produce":
		n, base := number(rest[0]), number(rest[1])
		for _, pair := range rest[2:] {
			topic, codec, _ := strings.Cut(pair, "=")
			produce(bootstrap, topic, codecs[codec], n, base)
			fmt.Println(topic, "ok")
		}
	case "consume":
		for _, topic := range rest[1:] {
			fmt.Println(topic, consume(bootstrap, topic, number(rest[0])).answer())
		}
	case "member":
		member(bootstrap, rest[0], rest[1])
	default:
		fail(fmt.Errorf("no verb %s; there are create, produce, consume, delete and member", verb))
	}
}

func member(bootstrap, group, topic string) {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	client := connect(bootstrap, kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic), kgo.Balancers(kgo.RangeBalancer()),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.SessionTimeout(6*time.Second),
		kgo.HeartbeatInterval(500*time.Millisecond), kgo.AutoCommitInterval(500*time.Millisecond))
	for ctx.Err() == nil {
		fetches := client.PollFetches(ctx)
		fetches.EachRecord(func(r *kgo.Record) { fmt.Println(r.Partition, r.Offset) })
	}
	fail(client.CommitUncommittedOffsets(context.Background()))
	client.LeaveGroup()
	client.Close()
}

func administer(verb, bootstrap string, topics []string) {
	client := connect(bootstrap)
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), silence)
	defer cancel()
	admin := kadm.NewClient(client)
	if verb == "create" {
		answers, err := admin.CreateTopics(ctx, partitions, 1, nil, topics...)
		fail(errors.Join(err, answers.Error()))
	} else {
		answers, err := admin.DeleteTopics(ctx, topics...)
		fail(errors.Join(err, answers.Error()))
	}
	for _, topic := range topics {
		fmt.Println(topic, "ok")
	}
}

func produce(bootstrap, topic string, codec kgo.CompressionCodec, n, base int64) {
	client := connect(bootstrap, kgo.ProducerBatchCompression(codec), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	defer client.Close()
	acknowledged := func(i int64) func(*kgo.Record, error) {
		return func(r *kgo.Record, err error) {
			fail(err)
			if r.Partition != int32(i%partitions) || r.Offset != i/partitions {
				fail(fmt.Errorf("%s: record %d was acknowledged at partition %d, offset %d; expected partition %d, offset %d",
					topic, i, r.Partition, r.Offset, i%partitions, i/partitions))
			}
		}
	}
	for i := range n {
		client.Produce(context.Background(), record(topic, i, base), acknowledged(i))
	}
	ctx, cancel := context.WithTimeout(context.Background(), silence)
	defer cancel()
	if err := client.Flush(ctx); err != nil {
		fail(fmt.Errorf("%s: %d records were not acknowledged: %w", topic, client.BufferedProduceRecords(), err))
	}
}

func consume(bootstrap, topic string, n int64) *digest {
	checkEnds(bootstrap, topic, n)
	start := map[int32]kgo.Offset{}
	for p := range int32(partitions) {
		start[p] = kgo.NewOffset().At(0)
	}
	client := connect(bootstrap, kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: start}))
	defer client.Close()
	read := newDigest()
	for read.count < n {
		ctx, cancel := context.WithTimeout(context.Background(), silence)
		fetches := client.PollFetches(ctx)
		cancel()
		if err := fetches.Err(); err != nil {
			fail(fmt.Errorf("%s: after %d of %d records: %w", topic, read.count, n, err))
		}
		fetches.EachRecord(read.add)
	}
	return read
}

func checkEnds(bootstrap, topic string, n int64) {
	client := connect(bootstrap)
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), silence)
	defer cancel()
	ends, err := kadm.NewClient(client).ListEndOffsets(ctx, topic)
	fail(errors.Join(err, ends.Error()))
	for p := range int32(partitions) {
		share := (n - int64(p) + partitions - 1) / partitions
		if end, found := ends.Lookup(topic, p); !found || end.Offset != share {
			fail(fmt.Errorf("%s: the end offset of partition %d is %d; expected %d", topic, p, end.Offset, share))
		}
	}
}

func connect(bootstrap string, options ...kgo.Opt) *kgo.Client {
	client, err := kgo.NewClient(append(options, kgo.SeedBrokers(bootstrap))...)
	fail(err)
	return client
}

func number(text string) int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	fail(err)
	return n
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

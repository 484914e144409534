// The rule of ../records.py, in Go: the records that are written, and the digest of those that are read.

package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	partitions = 3
	alphabet   = "abcdefghijklmnopqrstuvwxyz"
)

func record(topic string, i, base int64) *kgo.Record {
	return &kgo.Record{
		Topic: topic, Partition: int32(i % partitions), Timestamp: time.UnixMilli(base + i),
		Key: key(i), Value: value(i), Headers: headers(i),
	}
}

func key(i int64) []byte {
	switch i % 7 {
	case 0:
		return nil
	case 1:
		return []byte{}
	}
	return fmt.Appendf(nil, "key-%d", i)
}

func value(i int64) []byte {
	switch {
	case i%11 == 3 && i%7 != 0:
		return nil
	case i%11 == 3 || i%11 == 4:
		return []byte{}
	}
	return append(fmt.Appendf(nil, "value-%d-", i), fill(i, length(i))...)
}

func length(i int64) int {
	switch {
	case i%7001 == 5000:
		return 900_000
	case i%8 == 0:
		return int(i * 37 % 2001)
	}
	return int(i * 37 % 101)
}

func fill(i int64, size int) []byte {
	if i%5 != 2 {
		return bytes.Repeat([]byte(alphabet), size/len(alphabet)+1)[:size]
	}
	var filled []byte
	for block := 0; len(filled) < size; block++ {
		sum := sha256.Sum256(fmt.Appendf(nil, "%d-%d", i, block))
		filled = append(filled, sum[:]...)
	}
	return filled[:size]
}

func headers(i int64) []kgo.RecordHeader {
	if i%5 != 0 {
		return nil
	}
	return []kgo.RecordHeader{
		{Key: "trace", Value: fmt.Appendf(nil, "first-%d", i)}, {Key: "trace", Value: []byte("again")}, {Key: "flag"},
	}
}

type digest struct {
	count           int64
	contents, times [partitions]hash.Hash
}

func newDigest() *digest {
	d := &digest{}
	for p := range partitions {
		d.contents[p], d.times[p] = sha256.New(), sha256.New()
	}
	return d
}

func (d *digest) add(r *kgo.Record) {
	content := fmt.Appendf(nil, "%d,%d,%s,%s,", r.Partition, r.Offset, hexed(r.Key), hexed(r.Value))
	for _, header := range r.Headers {
		content = fmt.Appendf(content, "%x=%s;", header.Key, hexed(header.Value))
	}
	d.contents[r.Partition].Write(append(content, '\n'))
	fmt.Fprintf(d.times[r.Partition], "%d,%d,%d\n", r.Partition, r.Offset, r.Timestamp.UnixMilli())
	d.count++
}

func (d *digest) answer() string {
	return fmt.Sprintf("%d %s %s", d.count, combined(d.contents), combined(d.times))
}

func combined(hashes [partitions]hash.Hash) string {
	whole := sha256.New()
	for _, h := range hashes {
		fmt.Fprintf(whole, "%x", h.Sum(nil))
	}
	return hex.EncodeToString(whole.Sum(nil))
}

func hexed(data []byte) string {
	if data == nil {
		return "-"
	}
	return hex.EncodeToString(data)
}

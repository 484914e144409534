// Kafka's own Java client: an idempotent producer (its default) and a consumer that is assigned its partitions.
// ../README.md lists the verbs; the class Rule at the end is records.py again, in Java.

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.IntStream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.Callback;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.WakeupException;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

public final class JavaClient {
    static final int PARTITIONS = 3;
    static final Duration SILENCE = Duration.ofSeconds(60); // without an answer or a record, after which it gives up

    public static void main(String[] arguments) throws Exception {
        String verb = arguments[0], bootstrap = arguments[1];
        List<String> rest = Arrays.asList(arguments).subList(2, arguments.length);
        switch (verb) {
            case "create", "delete" -> administer(verb, bootstrap, rest);
            case "produce" -> {
                for (String pair : rest.subList(2, rest.size())) {
                    String[] parts = pair.split("=");
                    produce(bootstrap, parts[0], parts[1], Integer.parseInt(rest.get(0)), Long.parseLong(rest.get(1)));
                    System.out.println(parts[0] + " ok");
                }
            }
            case "consume" -> {
                for (String topic : rest.subList(1, rest.size()))
                    System.out.println(topic + " " + consume(bootstrap, topic, Integer.parseInt(rest.get(0))).answer());
            }
            case "last" -> System.out.println(rest.get(0) + " " + newest(bootstrap, rest.get(0)));
            case "member" -> member(bootstrap, rest.get(0), rest.get(1), rest.size() > 2 ? rest.get(2) : "range");
            default -> throw new IllegalArgumentException("no verb " + verb
                + "; there are create, produce, consume, delete, member and last");
        }
    }

    static void member(String bootstrap, String group, String topic, String assignor) throws Exception {
        var settings = new HashMap<String, Object>(Map.of("bootstrap.servers", bootstrap, "group.id", group,
            "auto.offset.reset", "earliest", "auto.commit.interval.ms", 500));
        if (assignor.equals("consumer")) {
            settings.put("group.protocol", "consumer");
        } else {
            String name = assignor.equals("cooperative-sticky") ? "CooperativeStickyAssignor" : "RangeAssignor";
            settings.putAll(Map.of("session.timeout.ms", 6000, "heartbeat.interval.ms", 500,
                "partition.assignment.strategy", "org.apache.kafka.clients.consumer." + name));
        }
        var main = Thread.currentThread();
        try (var consumer = new KafkaConsumer<>(settings, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            consumer.subscribe(List.of(topic));
            Runtime.getRuntime().addShutdownHook(new Thread(() -> {
                consumer.wakeup();
                try {
                    main.join();
                } catch (InterruptedException ignored) {
                    // The process ends anyway.
                }
            }));
            while (true) {
                for (var record : consumer.poll(Duration.ofSeconds(1)))
                    System.out.println(record.partition() + " " + record.offset());
            }
        } catch (WakeupException stopped) {
            // The consumer has been closed: it has committed, and left.
        }
    }

    static void administer(String verb, String bootstrap, List<String> topics) throws Exception {
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", bootstrap))) {
            var answer = verb.equals("delete") ? admin.deleteTopics(topics).all()
                : admin.createTopics(topics.stream().map(topic -> new NewTopic(topic, PARTITIONS, (short) 1)).toList()).all();
            answer.get(SILENCE.toSeconds(), TimeUnit.SECONDS);
        }
        topics.forEach(topic -> System.out.println(topic + " ok"));
    }

    static void produce(String bootstrap, String topic, String codec, int n, long base) {
        Map<String, Object> settings = Map.of("bootstrap.servers", bootstrap, "compression.type", codec);
        var failure = new AtomicReference<String>();
        try (var producer = new KafkaProducer<>(settings, new ByteArraySerializer(), new ByteArraySerializer())) {
            for (int i = 0; i < n && failure.get() == null; i++)
                producer.send(Rule.record(topic, i, base), acknowledged(topic, i, failure));
        }
        if (failure.get() != null) throw new IllegalStateException(failure.get());
    }

    static Callback acknowledged(String topic, int i, AtomicReference<String> failure) {
        return (place, error) -> {
            if (error != null)
                failure.compareAndSet(null, topic + ": record " + i + " was not delivered: " + error);
            else if (place.partition() != i % PARTITIONS || place.offset() != i / PARTITIONS)
                failure.compareAndSet(null, "record " + i + " was acknowledged at " + place + "; expected partition "
                    + i % PARTITIONS + ", offset " + i / PARTITIONS);
        };
    }

    /** The newest value of each key of a compacted topic; compacted.py says what of it. */
    static String newest(String bootstrap, String topic) throws Exception {
        var partition = new TopicPartition(topic, 0);
        var newest = new java.util.TreeMap<String, ConsumerRecord<byte[], byte[]>>();
        Map<String, Object> settings = Map.of("bootstrap.servers", bootstrap);
        try (var consumer = new KafkaConsumer<>(settings, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            long end = consumer.endOffsets(List.of(partition), SILENCE).get(partition), before = -1;
            consumer.assign(List.of(partition));
            consumer.seek(partition, 0);
            while (consumer.position(partition) < end) {
                for (var record : consumer.poll(SILENCE)) {
                    if (record.offset() <= before)
                        throw new IllegalStateException("offset " + record.offset() + " after " + before);
                    before = record.offset();
                    newest.put(new String(record.key(), StandardCharsets.UTF_8), record);
                }
            }
        }
        MessageDigest digest = MessageDigest.getInstance("SHA-256");
        newest.forEach((key, record) -> digest.update(Rule.bytes(key + "," + record.offset() + ","
            + (record.value() == null ? "-" : new String(record.value(), StandardCharsets.UTF_8)) + "\n")));
        return HexFormat.of().formatHex(digest.digest());
    }

    static Digest consume(String bootstrap, String topic, int n) throws Exception {
        var partitions = IntStream.range(0, PARTITIONS).mapToObj(p -> new TopicPartition(topic, p)).toList();
        Map<String, Object> settings = Map.of("bootstrap.servers", bootstrap);
        try (var consumer = new KafkaConsumer<>(settings, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            consumer.endOffsets(partitions, SILENCE).forEach((partition, end) -> {
                long share = (n - partition.partition() + PARTITIONS - 1) / PARTITIONS;
                if (end != share)
                    throw new IllegalStateException("the end offset of " + partition + " is " + end + "; expected " + share);
            });
            consumer.assign(partitions);
            partitions.forEach(partition -> consumer.seek(partition, 0));
            Digest digest = new Digest();
            while (digest.count < n) {
                ConsumerRecords<byte[], byte[]> batch = consumer.poll(SILENCE);
                if (batch.isEmpty())
                    throw new IllegalStateException(topic + ": no record within " + SILENCE + " after " + digest.count + " of " + n);
                for (var record : batch) digest.add(record);
            }
            return digest;
        }
    }
}

/** Of one topic as it was read; see the class of the same name in records.py. */
final class Digest {
    int count = 0;
    private final MessageDigest[] contents = new MessageDigest[JavaClient.PARTITIONS];
    private final MessageDigest[] times = new MessageDigest[JavaClient.PARTITIONS];

    Digest() throws Exception {
        for (int p = 0; p < JavaClient.PARTITIONS; p++) {
            contents[p] = MessageDigest.getInstance("SHA-256");
            times[p] = MessageDigest.getInstance("SHA-256");
        }
    }

    void add(ConsumerRecord<byte[], byte[]> record) {
        String place = record.partition() + "," + record.offset() + ",";
        StringBuilder content = new StringBuilder(place);
        content.append(hex(record.key())).append(',').append(hex(record.value())).append(',');
        for (Header header : record.headers())
            content.append(hex(Rule.bytes(header.key()))).append('=').append(hex(header.value())).append(';');
        contents[record.partition()].update(Rule.bytes(content.append('\n').toString()));
        times[record.partition()].update(Rule.bytes(place + record.timestamp() + "\n"));
        count++;
    }

    String answer() throws Exception {
        return count + " " + combined(contents) + " " + combined(times);
    }

    private static String combined(MessageDigest[] partitions) throws Exception {
        MessageDigest whole = MessageDigest.getInstance("SHA-256");
        for (MessageDigest partition : partitions) whole.update(Rule.bytes(hex(partition.digest())));
        return hex(whole.digest());
    }

    private static String hex(byte[] data) {
        return data == null ? "-" : HexFormat.of().formatHex(data);
    }
}

final class Rule {
    private static final byte[] ALPHABET = bytes("abcdefghijklmnopqrstuvwxyz");

    static ProducerRecord<byte[], byte[]> record(String topic, int i, long base) {
        return new ProducerRecord<>(topic, i % JavaClient.PARTITIONS, base + i, key(i), value(i), headers(i));
    }

    private static byte[] key(int i) {
        return i % 7 == 0 ? null : bytes(i % 7 == 1 ? "" : "key-" + i);
    }

    private static byte[] value(int i) {
        if (i % 11 == 3 && i % 7 != 0) return null;
        if (i % 11 == 3 || i % 11 == 4) return new byte[0];
        var out = new ByteArrayOutputStream();
        out.writeBytes(bytes("value-" + i + "-"));
        out.writeBytes(fill(i, length(i)));
        return out.toByteArray();
    }

    private static int length(int i) {
        if (i % 7001 == 5000) return 900_000;
        return (int) (i % 8 == 0 ? i * 37L % 2001 : i * 37L % 101);
    }

    private static byte[] fill(int i, int size) {
        byte[] filled = new byte[size];
        if (i % 5 != 2) {
            for (int at = 0; at < size; at++) filled[at] = ALPHABET[at % ALPHABET.length];
            return filled;
        }
        for (int block = 0; block * 32 < size; block++)
            System.arraycopy(sha256(i + "-" + block), 0, filled, block * 32, Math.min(32, size - block * 32));
        return filled;
    }

    private static List<Header> headers(int i) {
        if (i % 5 != 0) return List.of();
        return List.of(new RecordHeader("trace", bytes("first-" + i)), new RecordHeader("trace", bytes("again")),
            new RecordHeader("flag", (byte[]) null));
    }

    private static byte[] sha256(String text) {
        try {
            return MessageDigest.getInstance("SHA-256").digest(bytes(text));
        } catch (java.security.NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java has SHA-256", e);
        }
    }

    static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }
}

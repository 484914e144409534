// kafkajs: a producer at its defaults, and a member of groups. It has no consumer without a group, so other clients read
// what it writes.
//
// kafkajs itself brings gzip only. Snappy is the codec of its own makers; for lz4 and zstd no maintained codec package
// installs without a compiler, so each is tied in here, in a line, from a general compression package.

const crypto = require('node:crypto')
const { Kafka, CompressionTypes, CompressionCodecs, logLevel } = require('kafkajs')
const SnappyCodec = require('kafkajs-snappy')
const lz4 = require('lz4-napi')
const zstd = require('@bokuweb/zstd-wasm')

const PARTITIONS = 3
const CHUNK = 900 // records a request; kafkajs makes one batch of all that a send holds for a partition
const CODECS = { none: CompressionTypes.None, gzip: CompressionTypes.GZIP, snappy: CompressionTypes.Snappy,
  lz4: CompressionTypes.LZ4, zstd: CompressionTypes.ZSTD }

CompressionCodecs[CompressionTypes.Snappy] = SnappyCodec
CompressionCodecs[CompressionTypes.LZ4] = () => ({ compress: encoder => lz4.compressFrame(encoder.buffer) })
CompressionCodecs[CompressionTypes.ZSTD] = () => ({ compress: async encoder => Buffer.from(zstd.compress(encoder.buffer)) })

async function main([verb, bootstrap, ...rest]) {
  await zstd.init()
  const kafka = new Kafka({ brokers: [bootstrap], logLevel: logLevel.ERROR })
  if (verb === 'create' || verb === 'delete') {
    await administer(kafka, verb, rest)
    rest.forEach(topic => console.log(`${topic} ok`))
  } else if (verb === 'produce') {
    const [n, base, ...topics] = rest
    for (const [topic, codec] of topics.map(pair => pair.split('='))) {
      await produce(kafka, topic, codec, Number(n), Number(base))
      console.log(`${topic} ok`)
    }
  } else if (verb === 'member') {
    await member(kafka, ...rest)
  } else {
    throw new Error(`no verb ${verb}; there are create, produce, delete and member`)
  }
}

async function member(kafka, groupId, topic) {
  const consumer = kafka.consumer({ groupId, sessionTimeout: 6000, heartbeatInterval: 500 })
  process.on('SIGTERM', () => consumer.disconnect().then(() => process.exit(0)))
  await consumer.connect()
  await consumer.subscribe({ topics: [topic], fromBeginning: true })
  await consumer.run({
    autoCommitInterval: 500,
    eachMessage: async ({ partition, message }) => console.log(`${partition} ${message.offset}`),
  })
}

async function administer(kafka, verb, topics) {
  const admin = kafka.admin()
  await admin.connect()
  if (verb === 'delete') await admin.deleteTopics({ topics })
  else await admin.createTopics({ topics: topics.map(topic => ({ topic, numPartitions: PARTITIONS, replicationFactor: 1 })) })
  await admin.disconnect()
}

async function produce(kafka, topic, codec, n, base) {
  const producer = kafka.producer()
  await producer.connect()
  for (let from = 0; from < n;) {
    const messages = []
    // A large record ends its request, so that no batch passes the broker's max.message.bytes.
    for (let i = from; i < n && messages.length < CHUNK; i++) {
      if (length(i) > 100000 && messages.length > 0) break
      messages.push(record(i, base))
      if (length(i) > 100000) break
    }
    const answers = await producer.send({ topic, compression: CODECS[codec], messages })
    answers.forEach(answer => checkPlace(topic, from, messages.length, answer))
    from += messages.length
  }
  await producer.disconnect()
}

// The broker acknowledged one partition's part of the records from..from+count at a base offset.
function checkPlace(topic, from, count, { partition, errorCode, baseOffset }) {
  const first = from + (partition - from % PARTITIONS + PARTITIONS) % PARTITIONS
  if (errorCode !== 0 || first >= from + count || Number(baseOffset) !== Math.floor(first / PARTITIONS)) {
    throw new Error(`${topic}: record ${first} was acknowledged at partition ${partition}, offset ${baseOffset}, ` +
      `error ${errorCode}; expected offset ${Math.floor(first / PARTITIONS)}`)
  }
}

// The same rule as records.py. A header cannot be null here: kafkajs takes the length of its value.
function record(i, base) {
  const headers = i % 5 !== 0 ? {} : { trace: [`first-${i}`, 'again'], flag: '' }
  return { partition: i % PARTITIONS, timestamp: String(base + i), key: key(i), value: value(i), headers }
}

function key(i) {
  return i % 7 === 0 ? null : i % 7 === 1 ? '' : `key-${i}`
}

function value(i) {
  if (i % 11 === 3 && i % 7 !== 0) return null
  if (i % 11 === 3 || i % 11 === 4) return ''
  return Buffer.concat([Buffer.from(`value-${i}-`), fill(i, length(i))])
}

function length(i) {
  if (i % 7001 === 5000) return 900000
  return i % 8 === 0 ? (i * 37) % 2001 : (i * 37) % 101
}

function fill(i, size) {
  if (i % 5 !== 2) return Buffer.alloc(size, 'abcdefghijklmnopqrstuvwxyz')
  const blocks = []
  for (let block = 0; block * 32 < size; block++) blocks.push(crypto.createHash('sha256').update(`${i}-${block}`).digest())
  return Buffer.concat(blocks).subarray(0, size)
}

main(process.argv.slice(2)).catch(error => {
  console.error(error.stack)
  process.exit(1)
})

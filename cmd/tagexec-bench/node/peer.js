// A program of this directory lets one queue do what `tagexec-bench` measures, so
// that both can be compared on one server: `tagexec-bench --vs graphile,pgboss`
// installs and drives them. It reads its options as one line of JSON, writes when
// it is ready, begins at the next line, reports what is stored, and ends when its
// standard input does.
//
//   node graphile.js fill   makes its tables and fills them
//   node graphile.js work   works jobs off
import { createInterface } from 'node:readline'

// connections of a pool, as many as River has.
export const connections = 10

// data is a job's, as much as tagexec's jobs carry in their payload.
const data = n => ({ n, source: 'warehouse', file: 'tags/high_value.sql' })

// rows filled at once.
const rows = 10_000

// insertAll has insert store the data of count jobs, many at once.
export async function insertAll (count, insert) {
  for (let from = 0; from < count; from += rows) {
    await insert(Array.from({ length: Math.min(rows, count - from) }, (_, i) => data(from + i)))
  }
}

// run does what the command line names. Both functions get the options, which
// internal/bench/peer.go of tagexec-bench lists. work also gets what reports n more
// results that are stored, and returns what ends it.
export async function run ({ fill, work }) {
  const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
  const send = message => console.log(JSON.stringify(message))
  let count = 0
  const stored = n => {
    count += n
    send({ at: Date.now() * 1e6, stored: count })
  }
  const options = JSON.parse((await lines.next()).value)
  send({ ready: true })
  if ((await lines.next()).done) return // called off
  let end
  if (process.argv[2] === 'fill') {
    await fill(options)
    stored(options.finished + options.pending)
  } else {
    end = await work(options, stored)
  }
  while (!(await lines.next()).done);
  await end?.()
}

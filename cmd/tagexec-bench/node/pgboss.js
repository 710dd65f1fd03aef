import pg from 'pg'
import { PgBoss } from 'pg-boss'
import { connections, insertAll, run } from './peer.js'

const queue = 'bench'

// finishedSQL inserts jobs that ended an hour ago: $1 is how many.
const finishedSQL = schema => `
INSERT INTO ${schema}.job (name, data, state, policy, started_on, completed_on)
SELECT '${queue}', jsonb_build_object('n', n, 'source', 'warehouse', 'file', 'tags/high_value.sql'), 'completed', 'standard', t, t
  FROM generate_series(1, $1::bigint) n
 CROSS JOIN LATERAL (SELECT now() - interval '1 h' AS t) u`

// open starts it on a pool of ours.
async function open ({ database, schema }, stored) {
  const pool = new pg.Pool({ connectionString: database, max: connections, application_name: 'pgboss' })
  const executeSql = async (text, values) => {
    const result = await pool.query(text, values)
    if (text.includes('SET completed_on')) stored(Number(result.rows[0].count))
    return result
  }
  const boss = new PgBoss({ db: { executeSql }, schema })
  boss.on('error', error => console.error(error.message))
  await boss.start()
  const close = async () => {
    await boss.stop()
    await pool.end()
  }
  return { boss, pool, close }
}

async function fill (options) {
  const { boss, pool, close } = await open(options)
  await boss.createQueue(queue)
  await pool.query(finishedSQL(options.schema), [options.finished])
  await insertAll(options.pending, list => boss.insert(queue, list.map(data => ({ data }))))
  await pool.query(`VACUUM (ANALYZE) ${options.schema}.job`)
  await close()
}

async function work (options, stored) {
  const { boss, close } = await open(options, stored)
  const { best, processes } = options
  await boss.work(queue, {
    batchSize: best.batch,
    localConcurrency: Math.max(1, Math.floor(best.loops / processes)),
    burstWhenBatchFull: true,
    pollingIntervalSeconds: best.poll_ms / 1000
  }, async () => {})
  return close
}

run({ fill, work })
